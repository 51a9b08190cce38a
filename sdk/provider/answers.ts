import { encodeHeader, headerNames, type PaymentRequired } from '../../shared/protocol/x402.ts'
import type { ProofReason } from './proof.ts'
import type { Quote } from './quote.ts'

/** An answer that is given instead of the handler's. */
export type Answer = {
  status: number
  /** Why, in one word. */
  code: string
  headers: Record<string, string>
  body: string
}

export type Described = { description?: string; mimeType?: string }

/** What an agent does about a refused proof, when it is not to buy again. */
const hints: Partial<Record<ProofReason, string>> = {
  proof_expired: 'Repeat POST /pay with the same requestId for a fresh proof of the same payment.',
  proof_not_yet_valid: 'Repeat the request in a few seconds; check the clocks.',
  proof_already_used: 'The payment was redeemed. Do not pay again for the answer you already have.',
}

/** 402: what to pay, in the header for machines of the standard and in the body for all others. */
export function paymentRequired(
  quote: Quote,
  asked: { url: string; reason: ProofReason | undefined; described: Described },
): Answer {
  const { url, reason, described } = asked
  const required: PaymentRequired = {
    x402Version: 2,
    error: reason ?? 'payment_required',
    resource: { url, ...described },
    accepts: [quote.requirement],
  }
  return problem({
    status: 402,
    code: reason ?? 'payment_required',
    title: reason ? 'The proof is not accepted' : 'This costs money',
    hint:
      (reason && hints[reason]) ??
      `Pay an entry of "accepts", then repeat the request with ${headerNames.signature}.`,
    headers: { [headerNames.required]: encodeHeader(required) },
    members: required,
  })
}

type ProblemParts = {
  status: number
  code: string
  title: string
  hint: string
  headers?: Record<string, string>
  members?: Record<string, unknown>
}

/** Problem details (RFC 9457) that nobody may store. */
function problem({ status, code, title, hint, headers, members }: ProblemParts): Answer {
  return {
    status,
    code,
    headers: {
      'Content-Type': 'application/problem+json',
      'Cache-Control': 'no-store',
      'Access-Control-Expose-Headers': Object.values(headerNames).join(', '),
      ...headers,
    },
    body: JSON.stringify({ title, status, code, hint, ...members }),
  }
}

/** Who asks and what is asked cannot be known now. */
export const unavailable = (): Answer =>
  problem({
    status: 503,
    code: 'dependency_unavailable',
    title: 'Payments cannot be checked now',
    hint: 'Repeat the same request; do not pay again.',
    headers: { 'Retry-After': '2' },
  })

export const ambiguous = (): Answer =>
  problem({
    status: 400,
    code: 'ambiguous_proof',
    title: 'More than one proof was sent',
    hint: `Send ${headerNames.signature} or ${headerNames.jwt}, once.`,
  })

/** The handler is reached by a URL that cannot be paid for. */
export const notTheEndpoint = (quote: Quote): Answer =>
  problem({
    status: 404,
    code: 'not_found',
    title: 'This URL is not the paid endpoint',
    hint: `Call ${quote.method} ${quote.resource}, or a path below it.`,
  })

export const otherMethod = (quote: Quote): Answer =>
  problem({
    status: 405,
    code: 'method_not_allowed',
    title: 'The paid endpoint has another method',
    hint: `Use ${quote.method}.`,
    headers: { Allow: quote.method },
  })
