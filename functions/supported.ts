import { Hono } from 'hono'
import { networkOf } from '../shared/domain/proof-terms.ts'
import { supportedAnswer } from '../shared/protocol/facilitator.ts'
import type { Deps } from './deps.ts'
import type { PayosEnv } from './http.ts'

/** `GET /supported`: what this facilitator settles, in the open standard's shape. No trip. */
export const supported = (deps: Pick<Deps, 'environment' | 'issuer' | 'proofs'>) =>
  new Hono<PayosEnv>().get('/', (c) => {
    const kids = deps.proofs.publicKeys().flatMap(({ kid }) => (kid === undefined ? [] : [kid]))
    const by = { issuer: deps.issuer, network: networkOf(deps.environment), kids }
    return c.json(supportedAnswer(by), 200, {
      'Cache-Control': 'public, max-age=300',
      'Access-Control-Allow-Origin': '*',
    })
  })
