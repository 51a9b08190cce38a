import { Hono } from 'hono'
import { PaymentId, RequestId, WalletId } from '../shared/domain/ids.ts'
import { refusal } from '../shared/domain/refusal.ts'
import type { PaymentQuery } from '../shared/ports.ts'
import { malformedField } from '../shared/protocol/fields.ts'
import { paymentAnswer } from '../shared/protocol/payments.ts'
import type { Deps } from './deps.ts'
import { type PayosContext, type PayosEnv, refuse } from './http.ts'
import { askOfPayment } from './promised.ts'

type PaymentsDeps = Pick<Deps, 'callers' | 'clock' | 'ledger' | 'regions' | 'settling'>

/**
 * `GET /payments/{id}`, `GET /payments?walletId=&requestId=`: state and timeline of a payment, for
 * its agent and its provider; to anyone else it does not exist. The way out of an unknown outcome:
 * it is called unknown only when the ledger and all that promise payments say so.
 */
export const payments = (deps: PaymentsDeps) =>
  new Hono<PayosEnv>()
    .get('/:id', (c) => {
      const id = PaymentId.safeParse(c.req.param('id'))
      return id.success ? show(c, deps, { paymentId: id.data }) : refuse(c, refusal('not_found'))
    })
    .get('/', (c) => {
      const walletId = WalletId.safeParse(c.req.query('walletId'))
      if (!walletId.success) return refuse(c, malformedField('walletId'))
      const requestId = RequestId.safeParse(c.req.query('requestId'))
      if (!requestId.success) return refuse(c, malformedField('requestId'))
      return show(c, deps, { walletId: walletId.data, requestId: requestId.data })
    })

async function show(c: PayosContext, deps: PaymentsDeps, query: PaymentQuery): Promise<Response> {
  const holder = await deps.callers.of(c, ['agent', 'provider'])
  if (!holder.ok) return refuse(c, holder.problem)
  const found = await askOfPayment(c, deps, {
    holder: holder.value,
    query,
    ask: () => deps.ledger.payment(holder.value, query, c.var.trips),
  })
  return found.ok ? c.json(paymentAnswer(found.value)) : refuse(c, found.problem)
}
