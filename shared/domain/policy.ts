import type { ProviderId } from './ids.ts'
import type { Amount } from './money.ts'
import { REDEMPTION_SECONDS } from './payment.ts'

/** The part of an owner's policy that needs no counter, as the ledger last told it. */
export type PolicySnapshot = {
  version: number
  paymentMax: Amount
  /** Who may be paid; absent: anyone. */
  providers: readonly ProviderId[] | undefined
  /** Unix seconds since when it says so. */
  changedAt: number
}

/**
 * Which rule of a remembered policy refuses `amount`, if one surely does.
 *
 * A memory never permits. It refuses only when the policy is older than any payment that can still
 * be redeemed: a request that was paid before the policy was tightened must find its payment.
 */
export function refusalBy(
  snapshot: PolicySnapshot,
  amount: Amount,
  nowSeconds: number,
): 'payment_max' | undefined {
  const settledSince = nowSeconds - snapshot.changedAt > REDEMPTION_SECONDS
  return settledSince && amount > snapshot.paymentMax ? 'payment_max' : undefined
}
