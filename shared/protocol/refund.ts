import * as z from 'zod'
import type { Refund, RefundReason } from '../domain/capture.ts'
import { PaymentId } from '../domain/ids.ts'
import { type Amount, formatDecimal, parseDecimal } from '../domain/money.ts'
import type { Payment } from '../domain/payment.ts'
import { ok, type Result } from '../domain/result.ts'
import { AttemptId, malformedField, NumberLike, parseFields } from './fields.ts'
import { isoSeconds } from './pay.ts'

/** The body of `POST /refund`: how much of which payment, under the provider's own name for it. */
export const RefundBody = z.strictObject({
  paymentId: PaymentId,
  refundId: AttemptId,
  amount: NumberLike,
})

export type RefundRequest = { paymentId: PaymentId; refundId: string; amount: Amount }

/** Reads the body of `POST /refund`. Both currencies have six decimals. */
export function parseRefundRequest(body: object): Result<RefundRequest> {
  const read = parseFields(RefundBody, body)
  if (!read.ok) return read
  const { amount, ...rest } = read.value
  const units = parseDecimal(amount, 'USDC')
  return units ? ok({ ...rest, amount: units }) : { ok: false, problem: malformedField('amount') }
}

/** Why nothing is given back, said to the provider. */
const refundDetails: Record<RefundReason, string> = {
  unauthorized_server: 'No such payment pays the holder of this API key.',
  refund_conflict: 'This refundId already names a refund of another amount.',
  payment_held: 'The payment is held: void it, or capture less of it.',
  payment_voided: 'The payment was voided; there is nothing to give back.',
  payment_expired: 'The hold expired and its amount went back.',
  refund_too_high: 'It is more than was captured and is not given back yet.',
  earnings_insufficient: 'What the provider earned and was not paid out does not cover it.',
}

/** The answer of `POST /refund` when it was given back, now or before: always the same. */
export const refundAnswer = (payment: Payment, refund: Refund) => ({
  success: true,
  paymentId: payment.id,
  refundId: refund.refundId,
  amount: formatDecimal(refund.amount, payment.currency),
  currency: payment.currency,
  refundedAt: isoSeconds(refund.madeAt),
})

/** The answer of `POST /refund` when it was not. */
export const refundRefusal = (reason: RefundReason) => ({
  success: false,
  reason,
  detail: refundDetails[reason],
})
