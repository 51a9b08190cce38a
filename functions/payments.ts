import { Hono } from 'hono'
import { PaymentId, RequestId, WalletId } from '../shared/domain/ids.ts'
import { refusal } from '../shared/domain/refusal.ts'
import type { PaymentQuery } from '../shared/ports.ts'
import { malformedField } from '../shared/protocol/fields.ts'
import { paymentAnswer } from '../shared/protocol/payments.ts'
import type { Deps } from './deps.ts'
import { type PayosContext, type PayosEnv, refuse } from './http.ts'
import { settlePresented } from './present.ts'

type PaymentsDeps = Pick<Deps, 'callers' | 'clock' | 'ledger' | 'regions'>

/**
 * `GET /payments/{id}`, `GET /payments?walletId=&requestId=`: state and timeline of a payment, for
 * its agent and its provider; to anyone else it does not exist. The way out of an unknown outcome.
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
  let found = await deps.ledger.payment(holder.value, query, c.var.trips)
  await deps.callers.learn(c, holder.value.keyHash, found.ok ? undefined : found.problem.code)
  if (!found.ok && found.problem.code === 'not_found' && (await settlePromised(c, deps, query))) {
    found = await deps.ledger.payment(holder.value, query, c.var.trips)
  }
  return found.ok ? c.json(paymentAnswer(found.value)) : refuse(c, found.problem)
}

/** Settles what was promised and has not reached the ledger yet; whether there was something. */
async function settlePromised(
  c: PayosContext,
  deps: PaymentsDeps,
  { paymentId, walletId, requestId }: PaymentQuery,
): Promise<boolean> {
  for (const { leases } of deps.regions) {
    const promised = paymentId
      ? await leases.find(paymentId, c.var.trips)
      : walletId && requestId && (await leases.findRequest({ walletId, requestId }, c.var.trips))
    if (!promised) continue
    const settled = settlePresented(deps, [promised], c.var.trips)
    return settled.then(
      () => true,
      () => false,
    )
  }
  return false
}
