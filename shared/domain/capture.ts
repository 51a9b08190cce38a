import type { Amount } from './money.ts'
import type { Payment } from './payment.ts'

/** What a provider took of a payment, once: all of it, a part, or nothing. */
export type Capture = {
  /** The provider's own name for the attempt that was first; absent when it gave none. */
  attemptId: string | undefined
  captured: Amount
  released: Amount
  /** Unix seconds, by the ledger's clock. */
  madeAt: number
}

/** What a provider gave back of a payment, under its own name for it. */
export type Refund = { refundId: string; amount: Amount; madeAt: number }

/** Why a payment is not settled as asked. One reason is given. */
export const captureReasons = [
  'unauthorized_server',
  'duplicate_settlement',
  'settle_conflict',
  'hold_expired',
  'payment_refunded',
] as const
export type CaptureReason = (typeof captureReasons)[number]

/** Why nothing is given back. One reason is given. */
export const refundReasons = [
  'unauthorized_server',
  'refund_conflict',
  'payment_held',
  'payment_voided',
  'payment_expired',
  'refund_too_high',
  'earnings_insufficient',
] as const
export type RefundReason = (typeof refundReasons)[number]

/** How much of a payment reached its provider, went back to its wallet, and was given back later. */
export function sharesOf(payment: Payment): {
  captured: bigint
  released: bigint
  refunded: bigint
} {
  const { amount, state, capture, refunds } = payment
  const captured = state === 'settled' ? (capture?.captured ?? amount) : 0n
  return {
    captured,
    released: state === 'held' ? 0n : amount - captured,
    refunded: refunds.reduce((sum, refund) => sum + refund.amount, 0n),
  }
}
