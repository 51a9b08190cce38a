import type { PaymentId } from '../domain/ids.ts'
import { problem } from '../domain/problem.ts'
import type { Refusal } from '../ports.ts'
import type { Failed } from './ledger-rows.ts'

type Declined = { ok: false } & Refusal

/** Codes of PostgREST and Postgres after which it is certain that nothing was written. */
const NOT_APPLIED = /^(PGRST000|PGRST002|PGRST003|40.*|42.*|53.*|55P03|57014)$/

/**
 * What a failed settlement means to its caller.
 *
 * Only codes that rule out a commit are called failures; whatever else happened, the payment may
 * exist, and saying "failed" would make a careful agent pay twice.
 */
export function notApplied(failed: Failed, id: PaymentId): Declined {
  if (!NOT_APPLIED.test(failed.code)) return unknownOutcome(id)
  if (failed.code === '55P03') {
    return {
      ok: false,
      problem: problem('wallet_busy', {
        detail: 'Other payments of this wallet are being settled. Nothing was charged.',
        hint: 'Repeat the same request.',
        retryAfterMs: 500,
      }),
    }
  }
  return {
    ok: false,
    problem: problem('dependency_unavailable', {
      detail: 'The ledger cannot settle now. Nothing was charged.',
      hint: 'Repeat the same request.',
      retryAfterMs: 1_000,
    }),
  }
}

/** The call may have been applied: repeating it is safe, a new request id is not. */
export const unknownOutcome = (id: PaymentId): Declined => ({
  ok: false,
  problem: problem('outcome_unknown', {
    detail: 'The ledger did not say whether this payment was made.',
    hint: 'Repeat the same request with the same requestId, or ask GET /payments/{id}. Do not pay anew.',
    retryAfterMs: 1_000,
    paymentId: id,
  }),
})
