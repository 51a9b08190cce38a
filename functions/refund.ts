import { Hono } from 'hono'
import {
  parseRefundRequest,
  type RefundRequest,
  refundAnswer,
  refundRefusal,
} from '../shared/protocol/refund.ts'
import { readBody } from './body.ts'
import type { Deps } from './deps.ts'
import { type PayosContext, type PayosEnv, refuse } from './http.ts'
import { askOfPayment } from './promised.ts'

type RefundDeps = Pick<
  Deps,
  'callers' | 'clock' | 'later' | 'ledger' | 'regions' | 'settling' | 'wakes'
>

/**
 * `POST /refund`: a provider gives back a part or all of what it captured, from its earnings.
 *
 * It names each refund of a payment itself, so the same again is the same answer. From then on the
 * payment's proof is refused. One trip; more for a payment that was only promised, which is settled
 * first.
 */
export const refund = (deps: RefundDeps) =>
  new Hono<PayosEnv>().post('/', async (c) => {
    const body = await readBody(c.req.raw)
    if (!body.ok) return refuse(c, body.problem)
    const read = parseRefundRequest(body.value)
    return read.ok ? giveBack(c, deps, read.value) : refuse(c, read.problem)
  })

async function giveBack(
  c: PayosContext,
  deps: RefundDeps,
  request: RefundRequest,
): Promise<Response> {
  const holder = await deps.callers.of(c, ['provider'])
  if (!holder.ok) return refuse(c, holder.problem)
  const refunded = await askOfPayment(c, deps, {
    holder: holder.value,
    query: { paymentId: request.paymentId },
    ask: () => deps.ledger.refund({ holder: holder.value, ...request }, c.var.trips),
  })
  if (!refunded.ok) return refuse(c, refunded.problem)

  if (refunded.value.reason) return c.json(refundRefusal(refunded.value.reason))
  const { payment, notified } = refunded.value
  if (notified) deps.later(c, deps.wakes.wakeOutbox(deps.clock.nowSeconds()))
  const made = payment.refunds.find(({ refundId }) => refundId === request.refundId)
  if (!made) throw new Error('the ledger made a refund and does not tell it')
  return c.json(refundAnswer(payment, made))
}
