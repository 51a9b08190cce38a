/** Whether, and how, asking again can help. The SDK obeys this field and nothing else. */
export type Retry = 'never' | 'same_request' | 'after' | 'new_quote' | 'fix'

type Row = { status: number; retry: Retry; title: string }

/**
 * Every failure a caller can see. When two apply, the upper one is answered.
 *
 * A row is a promise to callers: a code is never renamed or given another status, only added.
 * `docs/problems.md` has one heading per row, in this order.
 */
export const problems = {
  malformed_request: { status: 400, retry: 'fix', title: 'The request cannot be read' },
  unsupported_media_type: { status: 415, retry: 'fix', title: 'The body is not JSON' },
  body_too_large: { status: 413, retry: 'fix', title: 'The body is too large' },
  key_invalid: { status: 401, retry: 'fix', title: 'The API key is not valid here' },
  key_revoked: { status: 401, retry: 'fix', title: 'The API key was revoked' },
  signature_required: { status: 401, retry: 'fix', title: 'This agent signs its payments' },
  signature_invalid: { status: 401, retry: 'fix', title: 'The signature does not match' },
  timestamp_out_of_range: { status: 401, retry: 'fix', title: 'The timestamp is not recent' },
  not_found: { status: 404, retry: 'never', title: 'There is nothing here for this caller' },
  method_not_allowed: { status: 405, retry: 'never', title: 'The route has no such method' },
  rate_limited: { status: 429, retry: 'after', title: 'Too many requests' },
  payment_conflict: { status: 409, retry: 'never', title: 'The request id has other content' },
  nothing_to_pay: { status: 409, retry: 'never', title: 'The endpoint is free' },
  endpoint_inactive: { status: 409, retry: 'never', title: 'The endpoint takes no payments' },
  price_changed: { status: 409, retry: 'new_quote', title: 'The price is another' },
  currency_mismatch: { status: 422, retry: 'fix', title: 'The currency is another' },
  resource_mismatch: { status: 422, retry: 'fix', title: 'The endpoint does not serve this' },
  policy_refused: { status: 403, retry: 'never', title: 'The owner does not allow it' },
  funds_insufficient: { status: 402, retry: 'after', title: 'The wallet cannot cover it' },
  funds_in_lease: { status: 402, retry: 'after', title: 'The funds are promised elsewhere' },
  wallet_busy: { status: 503, retry: 'same_request', title: 'The wallet is busy' },
  dependency_unavailable: {
    status: 503,
    retry: 'same_request',
    title: 'A part PayOS needs does not answer',
  },
  outcome_unknown: { status: 504, retry: 'same_request', title: 'The outcome is not known yet' },
  internal: { status: 500, retry: 'same_request', title: 'PayOS made a mistake' },
} as const satisfies Record<string, Row>

export type ProblemCode = keyof typeof problems

/** What a caller may be told beyond the catalogue row. Never a secret, a balance or a host. */
export type ProblemDetails = {
  detail: string
  /** What to do next, in one sentence. */
  hint?: string
  /** The member of the request that is at fault. */
  param?: string
  retryAfterMs?: number
  paymentId?: string
  /** Members only this code carries: the current quote, the policy's rule. */
  extra?: Readonly<Record<string, unknown>>
}

/** A foreseen failure, as a value. */
export type Problem = ProblemDetails & { code: ProblemCode }

export const problem = (code: ProblemCode, details: ProblemDetails): Problem => ({
  code,
  ...details,
})
