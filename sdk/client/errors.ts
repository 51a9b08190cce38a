import type { ProblemCode, Retry } from '../../shared/domain/problem.ts'

/** Why a paying call failed on this side. */
type OwnCode =
  | 'requirement_unreadable'
  | 'no_payable_requirement'
  | 'requirement_mismatch'
  | 'endpoint_not_owner'
  | 'amount_above_maximum'
  | 'budget_exceeded'
  | 'price_drift'
  | 'not_approved'
  | 'redirected'
  | 'redirect_with_proof'
  | 'call_under_way'
  | 'proof_refused'
  | 'paid_not_delivered'
  | 'redemption_over'

/** Codes of the edge's catalogue, and those only this client has. */
export type PaymentErrorCode = ProblemCode | OwnCode

/** Which of our own failures can end well when the same call is made again; the others never do. */
const retries: Partial<Record<string, Retry>> = {
  redirected: 'fix',
  call_under_way: 'after',
  paid_not_delivered: 'same_request',
}

export type PaymentErrorDetails = {
  /** What to do next, in one sentence. */
  hint?: string | undefined
  retry?: Retry | undefined
  retryAfterMs?: number | undefined
  requestId?: string | undefined
  /** Set once a payment may exist: look it up, or make the same call again. */
  paymentId?: string | undefined
  /** Why the provider did not take the proof, or which rule of the policy refused. */
  reason?: string | undefined
  /** The provider's last answer, its body unread. */
  response?: Response | undefined
  cause?: unknown
}

/**
 * A paying call that was not delivered. `code` says why and is stable; `retry` says whether the
 * same call can still succeed. Money moved only if `paymentId` is set, and then at most once.
 */
export class PaymentError extends Error {
  override readonly name = 'PaymentError'
  readonly code: PaymentErrorCode
  readonly retry: Retry
  declare readonly retryAfterMs?: number
  declare readonly requestId?: string
  declare readonly paymentId?: string
  declare readonly reason?: string
  declare readonly response?: Response

  constructor(code: PaymentErrorCode, detail: string, more: PaymentErrorDetails = {}) {
    const { hint = '', cause, ...facts } = more
    super(`${detail} ${hint}`.trim(), { cause })
    this.code = code
    this.retry = retries[code] ?? 'never'
    Object.assign(this, facts)
  }
}
