import * as z from 'zod'
import { captureReasons, refundReasons } from '../../../shared/domain/capture.ts'
import { problems } from '../../../shared/domain/problem.ts'
import { proofReasons } from '../../../shared/domain/proof.ts'
import type { Answer } from '../../support/http.ts'

const Id = z.uuid()
const Decimal = z.string().regex(/^(0|[1-9]\d*)(\.\d*[1-9])?$/)
const Moment = z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
const Currency = z.enum(['USDC', 'EURC'])
const Status = z.enum(['settled', 'held', 'voided', 'expired'])

const Paid = z.strictObject({
  paymentId: Id,
  transferId: Id,
  requestId: z.string(),
  status: Status,
  amount: Decimal,
  currency: Currency,
  endpointId: Id,
  walletId: Id,
  balance: Decimal.optional(),
  proof: z.string().nullable(),
  proofExpiresAt: Moment.nullable(),
  holdExpiresAt: Moment.optional(),
  replayed: z.boolean(),
})

const Summary = z.strictObject({
  paymentId: Id,
  requestId: z.string(),
  endpointId: Id,
  agentId: Id,
  amount: Decimal,
  currency: Currency,
  status: Status,
})

const Unchecked = z.array(z.enum(['audience', 'endpoint', 'amount', 'resource', 'first_use']))

const Why = z.string().regex(/^[a-z0-9_]+$/)
const standardNo = { isValid: z.literal(false), invalidReason: Why, invalidMessage: z.string() }

const Verified = z.union([
  z.strictObject({ valid: z.boolean(), payment: Summary, unchecked: Unchecked }),
  z.strictObject({ valid: z.literal(false), reason: z.enum(proofReasons), detail: z.string() }),
  z.strictObject({
    results: z
      .array(z.object({ valid: z.boolean() }))
      .min(1)
      .max(100),
  }),
  z.strictObject({
    isValid: z.literal(true),
    payer: Id,
    extra: z.object({ unchecked: z.array(z.string()) }),
  }),
  z.strictObject({ ...standardNo, payer: Id.optional() }),
])

const standardRefusal = { errorReason: Why, errorMessage: z.string(), network: z.string() }

const Captured = z.union([
  z.strictObject({
    success: z.literal(true),
    paymentId: Id,
    requestId: z.string(),
    endpointId: Id,
    status: Status,
    amount: Decimal,
    captured: Decimal,
    released: Decimal,
    currency: Currency,
    attemptId: z.string().nullable(),
    settledAt: Moment.nullable(),
  }),
  z.strictObject({
    success: z.literal(false),
    reason: z.enum([...captureReasons, ...proofReasons]),
    detail: z.string(),
    first: z.object({ captured: Decimal }).optional(),
  }),
  z.strictObject({
    success: z.literal(true),
    payer: Id,
    transaction: Id,
    network: z.string(),
    amount: z.string().regex(/^\d+$/),
    extra: z.object({ status: Status }),
  }),
  z.strictObject({
    ...{ success: z.literal(false), ...standardRefusal },
    payer: Id.optional(),
    transaction: z.string(),
  }),
])

const Refunded = z.union([
  z.strictObject({
    success: z.literal(true),
    paymentId: Id,
    refundId: z.string(),
    amount: Decimal,
    currency: Currency,
    refundedAt: Moment,
  }),
  z.strictObject({ success: z.literal(false), reason: z.enum(refundReasons), detail: z.string() }),
])

const Payment = Summary.extend({
  transferId: Id,
  walletId: Id,
  providerId: Id,
  priceVersion: z.int(),
  conflict: z.boolean(),
  captured: Decimal,
  released: Decimal,
  refunded: Decimal,
  holdExpiresAt: Moment.optional(),
  redeemableUntil: Moment,
  timeline: z.array(z.object({ status: z.string(), at: Moment })),
})

const Quote = z.strictObject({
  endpointId: Id,
  providerId: Id,
  price: Decimal,
  currency: Currency,
  method: z.string(),
  resource: z.url(),
  priceVersion: z.int(),
  next: z.object({ price: Decimal, priceVersion: z.int(), validFrom: Moment }).optional(),
  requirement: z.object({ scheme: z.literal('payos-ticket'), amount: z.string().regex(/^\d+$/) }),
})

const PublicKey = z.strictObject({
  kty: z.literal('OKP'),
  crv: z.literal('Ed25519'),
  x: z.string().length(43),
  kid: z.string().length(43),
  use: z.literal('sig'),
  alg: z.literal('EdDSA'),
})

/** What each route answers 200, and nothing else. A route that is not here answers none. */
const successes: Record<string, z.ZodType> = {
  pay: Paid,
  verify: Verified,
  settle: Captured,
  refund: Refunded,
  payments: Payment,
  endpoints: Quote,
  jwks: z.strictObject({ keys: z.array(PublicKey).min(1) }),
  supported: z.object({ kinds: z.array(z.object({ scheme: z.string() })).length(1) }),
  discovery: z.object({ x402Version: z.literal(2), items: z.array(z.unknown()) }),
  health: z.strictObject({ status: z.literal('ok') }),
  ready: z.strictObject({ status: z.literal('ready') }),
  problems: z.string().startsWith('<!doctype html>'),
  metrics: z.string().startsWith('# HELP '),
}

/** Every route that has a success, by the name it has here. */
export const documentedRoutes = Object.keys(successes)

const Problem = z.strictObject({
  type: z.url(),
  title: z.string().min(1),
  status: z.int(),
  detail: z.string().min(1),
  instance: z.string().startsWith('urn:payos:request:'),
  code: z.enum(Object.keys(problems) as [keyof typeof problems]),
  retry: z.string(),
  retry_after_ms: z.number().optional(),
  hint: z.string().optional(),
  param: z.string().optional(),
  request_id: z.string(),
  payment_id: Id.optional(),
  docs: z.url(),
  rule: z.string().optional(),
  quote: z.unknown().optional(),
})

/** What a server may fail by: a part it needs, a wallet that is locked, an answer that was lost. */
const named = ['dependency_unavailable', 'wallet_busy', 'outcome_unknown']

/** What is wrong with an answer, by what the documentation says of its route; nothing when it fits. */
export function faultOf(
  route: string,
  { status, headers, body, text }: Answer,
): string | undefined {
  if (!headers.get('x-request-id')) return 'no request id'
  if (status === 304) return route === 'jwks' && text === '' ? undefined : 'a 304'
  if (status === 200) return misfit(successes[route] ?? z.never(), body)

  if (isStandardNo(body))
    return status < 500 ? misfit(successes[route] ?? z.never(), body) : undefined

  const wrong = misfit(Problem, body)
  return wrong ? `${status}: ${wrong}` : problemFault(status, body)
}

/** In the open standard's shape a no stays in that shape, whatever its status. */
const isStandardNo = (body: unknown): boolean =>
  typeof body === 'object' && body !== null && ('invalidReason' in body || 'errorReason' in body)

function problemFault(status: number, body: unknown): string | undefined {
  const { code, retry, title } = Problem.parse(body)
  const row = problems[code]
  if (row.status !== status) return `${code} under ${status}`
  if (retry !== row.retry || title !== row.title) return `${code} told otherwise`
  return status >= 500 && !named.includes(code) ? `${status} ${code}` : undefined
}

function misfit(schema: z.ZodType, body: unknown): string | undefined {
  const read = schema.safeParse(body)
  const [issue] = read.error?.issues ?? []
  return issue && `${issue.path.join('.')} ${issue.message}`
}
