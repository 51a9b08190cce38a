import * as z from 'zod'
import { NumberText } from '../domain/json.ts'
import { type Problem, problem } from '../domain/problem.ts'
import { ok, type Result } from '../domain/result.ts'

/** A decimal as a client may write it: a string, or a JSON number by its source text. */
export const NumberLike = z.union([
  z.string(),
  z.instanceof(NumberText).transform((number) => number.source),
])

/** A whole number, below 2^53. */
export const Whole = NumberLike.refine((text) => /^\d{1,15}$/.test(text)).transform((text) =>
  Number.parseInt(text, 10),
)

/** A name a provider gives one try, or one refund. */
export const AttemptId = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/)

/** An HTTP method, in upper case from here on. */
export const Method = z
  .string()
  .regex(/^[A-Za-z]{3,10}$/)
  .transform((method) => method.toUpperCase())

/** What each member takes, said to whoever sent something else. */
const forms: Record<string, string> = {
  endpointId: 'endpointId is a UUID in lower case.',
  walletId: 'walletId is a UUID in lower case.',
  paymentId: 'paymentId is a UUID in lower case.',
  transferId: 'transferId is a UUID in lower case.',
  amount:
    'amount is a decimal in currency units, "0.001": no sign, no exponent, at most 6 decimals.',
  currency: 'currency is "USDC" or "EURC".',
  requestId: 'requestId is 1 to 64 characters of A-Z, a-z, 0-9, "_" and "-".',
  timestamp: 'timestamp is RFC 3339 with an offset, or whole unix seconds.',
  method: 'method is an HTTP method such as "GET".',
  resource: 'resource is an absolute https URL without credentials, fragment or dot segments.',
  settlement: 'settlement is "sync" or "async".',
  capture: 'capture is "automatic" or "manual".',
  publicKey: 'publicKey is an Ed25519 public JWK with exactly kty, crv and x.',
  signature: 'signature is 64 bytes as base64url without padding.',
  proof: 'proof is a JWS in compact form.',
  proofs: 'proofs is a list of 1 to 100 proofs.',
  attemptId: 'attemptId is 1 to 64 characters of A-Z, a-z, 0-9, "_" and "-".',
  refundId: 'refundId is 1 to 64 characters of A-Z, a-z, 0-9, "_" and "-".',
  limit: 'limit is a whole number from 1 to 100.',
  offset: 'offset is a whole number from 0 to 10000.',
  consume: 'consume is true or false.',
  release: 'release is true or false.',
}

const memberHint = 'Send only the members the documentation names.'

/** The problem of one member: what form it takes. */
export const malformedField = (param: string, detail?: string): Problem =>
  problem('malformed_request', {
    detail: detail ?? `The member "${param}" is missing or has another form.`,
    hint: (Object.hasOwn(forms, param) && forms[param]) || memberHint,
    param,
  })

/** Reads a value by its schema; of several faults the first is told. Values are never echoed. */
export function parseFields<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
): Result<z.output<Schema>> {
  const parsed = schema.safeParse(value)
  if (parsed.success) return ok(parsed.data)

  const issue = parsed.error.issues[0]
  const param = String(issue?.path[0] ?? '')
  if (issue?.code === 'unrecognized_keys') {
    const name = param || (issue.keys[0] ?? '').slice(0, 80)
    return { ok: false, problem: malformedField(name, 'The body has a member nobody reads.') }
  }
  return { ok: false, problem: malformedField(param || 'body') }
}
