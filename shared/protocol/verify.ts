import * as z from 'zod'
import { EndpointId, PaymentId, RequestId } from '../domain/ids.ts'
import { type Amount, parseDecimal } from '../domain/money.ts'
import type { ProofReason } from '../domain/proof.ts'
import { parseResource, resourceHash } from '../domain/resource.ts'
import { ok, type Result } from '../domain/result.ts'
import { AttemptId, Method, malformedField, NumberLike, parseFields } from './fields.ts'

/** A proof to check, and what to check it against. Members that go together come together. */
export const ProofBody = z
  .strictObject({
    proof: z.string().min(1),
    endpointId: EndpointId.optional(),
    method: Method.optional(),
    resource: z.string().min(1).optional(),
    amount: NumberLike.optional(),
    attemptId: AttemptId.optional(),
    consume: z.boolean().default(false),
    release: z.boolean().default(false),
  })
  .refine((body) => !(body.consume && body.release), { path: ['release'] })
  .refine((body) => !(body.consume || body.release) || body.attemptId, { path: ['attemptId'] })
  .refine((body) => !body.resource || body.method, { path: ['method'] })
  .refine((body) => !body.method || body.resource, { path: ['resource'] })

/** A payment to look up, by the two names its agent has for it. */
export const PaymentBody = z.strictObject({
  paymentId: PaymentId.optional(),
  transferId: PaymentId.optional(),
  requestId: RequestId,
})

/** Promises a provider accepted, to have them settled before their proofs are over. */
const ProofsBody = z.strictObject({ proofs: z.array(z.string().min(1)).min(1).max(100) })

export type ProofCheck = {
  proof: string
  endpointId: EndpointId | undefined
  minimum: Amount | undefined
  /** Hashes of the request and of its URL without the query; absent when not told. */
  resourceHashes: string[] | undefined
  action: 'check' | 'consume' | 'release'
  attemptId: string | undefined
}

export type VerifyRequest =
  | { kind: 'proof'; check: ProofCheck }
  | { kind: 'payment'; paymentId: PaymentId; requestId: RequestId }
  | { kind: 'proofs'; proofs: string[] }

/** Reads the native body of `POST /verify`. */
export async function parseVerifyRequest(
  body: object,
  options: { allowLoopbackHttp: boolean },
): Promise<Result<VerifyRequest>> {
  if ('paymentId' in body || 'transferId' in body) return parsePaymentBody(body)
  if (!('proofs' in body)) return parseProofBody(body, options)
  const presented = parseFields(ProofsBody, body)
  return presented.ok ? ok({ kind: 'proofs', ...presented.value }) : presented
}

async function parseProofBody(
  body: object,
  options: { allowLoopbackHttp: boolean },
): Promise<Result<VerifyRequest>> {
  const read = parseFields(ProofBody, body)
  if (!read.ok) return read
  const { proof, endpointId, method, resource, amount, attemptId, consume, release } = read.value

  const minimum = amount === undefined ? undefined : parseDecimal(amount, 'USDC')
  if (amount !== undefined && minimum === undefined) return refuse('amount')
  const hashes = method && resource ? await hashesOf(method, resource, options) : undefined
  if (hashes === 'malformed') return refuse('resource')

  const claimOrCheck = consume ? 'consume' : 'check'
  const action = release ? 'release' : claimOrCheck
  const check = { proof, endpointId, minimum, resourceHashes: hashes, action, attemptId } as const
  return ok({ kind: 'proof', check })
}

function parsePaymentBody(body: object): Result<VerifyRequest> {
  const read = parseFields(PaymentBody, body)
  if (!read.ok) return read
  const { paymentId, transferId, requestId } = read.value
  if (paymentId && transferId && paymentId !== transferId) {
    return refuse('transferId', 'paymentId and transferId are two names of one id.')
  }
  const id = paymentId ?? transferId
  return id ? ok({ kind: 'payment', paymentId: id, requestId }) : refuse('paymentId')
}

async function hashesOf(
  method: string,
  resource: string,
  options: { allowLoopbackHttp: boolean },
): Promise<string[] | 'malformed'> {
  const parsed = parseResource(resource, options)
  if (!parsed.ok) return 'malformed'
  const withoutQuery = parsed.origin + parsed.path
  return Promise.all([parsed.href, withoutQuery].map((href) => resourceHash(method, href)))
}

const refuse = (param: string, detail?: string): Result<never> => ({
  ok: false,
  problem: malformedField(param, detail),
})

/** Why a proof is not accepted, said to a provider. */
export const reasonDetails: Record<ProofReason, string> = {
  ambiguous_proof: 'More than one proof was sent.',
  proof_malformed: 'This is not a proof in the one form a proof has.',
  proof_key_unknown: 'No published key of this edge could have signed it.',
  key_revoked: 'The key that signed it was revoked.',
  proof_signature_invalid: 'The signature does not match.',
  proof_wrong_issuer: 'Another edge issued it.',
  proof_wrong_audience: 'It pays another provider.',
  proof_wrong_endpoint: 'It pays for another endpoint.',
  proof_wrong_network: 'It belongs to the other environment.',
  proof_expired: 'It has expired; the agent can ask for a new one until its redemption ends.',
  proof_not_yet_valid: 'It was issued in the future; check the clocks.',
  proof_amount_low: 'It pays less than the price.',
  proof_wrong_resource: 'It pays for another method or URL.',
  payment_refunded: 'The payment was refunded.',
  payment_voided: 'The payment was voided.',
  payment_expired: 'The hold behind it expired before it was captured.',
  proof_already_used: 'Its first use was claimed by another attempt.',
}
