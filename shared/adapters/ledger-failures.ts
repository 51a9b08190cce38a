import type { PaymentId } from '../domain/ids.ts'
import { problem } from '../domain/problem.ts'
import { fail, type Result } from '../domain/result.ts'
import type { Failed } from './ledger-rows.ts'

type Declined = Extract<Result<never>, { ok: false }>

/** Codes of PostgREST and Postgres after which it is certain that nothing was written. */
const NOT_APPLIED = /^(PGRST000|PGRST002|PGRST003|40.*|42.*|53.*|55P03|57014)$/

/** What was asked for, said to whoever has to ask again. */
const acts = {
  payment: {
    nothing: 'Nothing was charged.',
    unknown: 'The ledger did not say whether this payment was made.',
    next: 'Repeat the same request with the same requestId, or ask GET /payments/{id}. Do not pay anew.',
  },
  capture: {
    nothing: 'Nothing was captured or released.',
    unknown: 'The ledger did not say whether this payment was captured.',
    next: 'Repeat the same request, or ask GET /payments/{id}.',
  },
  refund: {
    nothing: 'Nothing was given back.',
    unknown: 'The ledger did not say whether this was given back.',
    next: 'Repeat the same request with the same refundId, or ask GET /payments/{id}.',
  },
} as const
export type Act = keyof typeof acts

/**
 * What a failed call means to its caller.
 *
 * Only codes that rule out a commit are called failures; whatever else happened, money may have
 * moved, and saying "failed" would make a careful caller move it twice.
 */
export function notApplied(failed: Failed, id: PaymentId, act: Act = 'payment'): Declined {
  if (!NOT_APPLIED.test(failed.code)) return unknownOutcome(id, act)
  if (failed.code === '55P03') {
    return {
      ok: false,
      problem: problem('wallet_busy', {
        detail: `Other payments of this wallet are being settled. ${acts[act].nothing}`,
        hint: 'Repeat the same request.',
        retryAfterMs: 500,
      }),
    }
  }
  return {
    ok: false,
    problem: problem('dependency_unavailable', {
      detail: `The ledger cannot settle now. ${acts[act].nothing}`,
      hint: 'Repeat the same request.',
      retryAfterMs: 1_000,
    }),
  }
}

/** The call may have been applied: repeating it is safe, asking under another name is not. */
export const unknownOutcome = (id: PaymentId, act: Act = 'payment'): Declined => ({
  ok: false,
  problem: problem('outcome_unknown', {
    detail: acts[act].unknown,
    hint: acts[act].next,
    retryAfterMs: 1_000,
    paymentId: id,
  }),
})

/** Reads, and claims that repeat safely: the caller asks again. */
export const unavailable = (): Result<never> =>
  fail('dependency_unavailable', {
    detail: 'The ledger did not answer.',
    hint: 'Repeat the same request.',
    retryAfterMs: 1_000,
  })
