import { Hono } from 'hono'
import { EndpointId } from '../shared/domain/ids.ts'
import type { Deps } from './deps.ts'
import type { PayosEnv } from './http.ts'

/** `GET /health`: this isolate runs. Asks nobody. */
export const health = () => new Hono<PayosEnv>().get('/', (c) => c.json({ status: 'ok' }))

/** No endpoint has it: asking for it shows that the ledger answers, and reads one index page. */
const nobody = EndpointId.parse('00000000-0000-0000-0000-000000000000')

/** `GET /ready`: payments can be made now, because a proof key signs and the ledger answers. */
export const ready = ({ ledger, proofs }: Pick<Deps, 'ledger' | 'proofs'>) =>
  new Hono<PayosEnv>().get('/', async (c) => {
    const answered = await ledger.quote(nobody, c.var.trips)
    const isReady = answered.ok && proofs.canSign()
    if (isReady) return c.json({ status: 'ready' })
    return c.json({ status: 'not_ready' }, 503, { 'Retry-After': '1' })
  })
