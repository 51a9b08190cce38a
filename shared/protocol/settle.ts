import * as z from 'zod'
import { type CaptureReason, sharesOf } from '../domain/capture.ts'
import { PaymentId } from '../domain/ids.ts'
import { type Amount, formatDecimal, parseDecimal } from '../domain/money.ts'
import type { Payment } from '../domain/payment.ts'
import type { ProofReason } from '../domain/proof.ts'
import { ok, type Result } from '../domain/result.ts'
import { AttemptId, malformedField, NumberLike, parseFields } from './fields.ts'
import { isoSeconds } from './pay.ts'
import { reasonDetails } from './verify.ts'

/** The body of `POST /settle`: a payment by its id or by its proof, and how much of it. */
export const SettleBody = z.strictObject({
  paymentId: PaymentId.optional(),
  proof: z.string().min(1).optional(),
  amount: NumberLike,
  attemptId: AttemptId.optional(),
})

export type SettleRequest = {
  /** Which payment: the proof speaks for one, else the id names it. */
  target: { proof: string } | { paymentId: PaymentId }
  amount: Amount
  attemptId: string | undefined
}

/** Reads the native body of `POST /settle`. Both currencies have six decimals. */
export function parseSettleRequest(body: object): Result<SettleRequest> {
  const read = parseFields(SettleBody, body)
  if (!read.ok) return read
  const { paymentId, proof, amount, attemptId } = read.value

  if (paymentId && proof) {
    return refuse('proof', 'paymentId and proof both name a payment; send one of them.')
  }
  const target = proof ? { proof } : paymentId && { paymentId }
  if (!target) return refuse('paymentId')
  const units = parseDecimal(amount, 'USDC')
  return units === undefined ? refuse('amount') : ok({ target, amount: units, attemptId })
}

const refuse = (param: string, detail?: string): Result<never> => ({
  ok: false,
  problem: malformedField(param, detail),
})

/** Why a payment is not settled as asked, said to its provider. */
export const captureDetails: Record<CaptureReason | ProofReason, string> = {
  ...reasonDetails,
  unauthorized_server: 'No such payment pays the holder of this API key.',
  duplicate_settlement: 'Another attempt was first to settle this payment, or has its first use.',
  settle_conflict: 'This amount cannot be captured: it is too much, or another one was captured.',
  hold_expired: 'The hold expired before it was captured, and its amount went back.',
}

/** The answer of `POST /settle` when it settled, now or before: always the same for one payment. */
export function settleAnswer(payment: Payment) {
  const { captured, released } = sharesOf(payment)
  const money = (amount: bigint) => formatDecimal(amount as Amount, payment.currency)
  return {
    success: true,
    paymentId: payment.id,
    requestId: payment.requestId,
    endpointId: payment.endpointId,
    status: payment.state,
    amount: money(payment.amount),
    captured: money(captured),
    released: money(released),
    currency: payment.currency,
    ...firstOf(payment),
  }
}

/** The answer of `POST /settle` when it did not: why, and who was first if someone was. */
export const settleRefusal = (
  reason: CaptureReason | ProofReason,
  payment: Payment | undefined,
) => ({
  success: false,
  reason,
  detail: captureDetails[reason],
  ...(payment?.capture && {
    first: {
      captured: formatDecimal(payment.capture.captured, payment.currency),
      ...firstOf(payment),
    },
  }),
})

const firstOf = ({ capture }: Payment) => ({
  attemptId: capture?.attemptId ?? null,
  settledAt: capture ? isoSeconds(capture.madeAt) : null,
})
