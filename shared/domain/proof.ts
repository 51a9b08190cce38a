import * as z from 'zod'
import { PaymentId, Uuid } from './ids.ts'
import type { Reservation } from './lease.ts'
import { Amount, Currency } from './money.ts'
import { type Payment, redemptionEndOf } from './payment.ts'
import { EXPIRY_SKEW_SECONDS, ISSUE_SKEW_SECONDS, networkOf, PROOF_SECONDS } from './proof-terms.ts'

const Seconds = z.int().nonnegative()

/**
 * What a proof says (RFC 7519 claims and ours): that `amount` of `asset` moved, or is held, for one
 * provider (`aud`), one endpoint (`eid`) and one resource (`rsh`).
 */
export const ProofClaims = z.object({
  iss: z.string(),
  aud: z.string(),
  sub: z.string(),
  jti: PaymentId,
  eid: Uuid,
  rid: z.string(),
  amount: Amount,
  asset: Currency,
  network: z.string(),
  rsh: z.string().length(22),
  st: z.enum(['settled', 'held']),
  pv: z.int().positive(),
  iat: Seconds,
  exp: Seconds,
  rdm: Seconds,
  holdExp: Seconds.optional(),
  lse: z.string().optional(),
  seq: z.int().optional(),
  cnf: z.object({ jkt: z.string().length(43) }).optional(),
})
export type ProofClaims = z.output<typeof ProofClaims>

/** Why a proof is not accepted. One reason is given, the first that applies in this order. */
export const proofReasons = [
  'ambiguous_proof',
  'proof_malformed',
  'proof_key_unknown',
  'key_revoked',
  'proof_signature_invalid',
  'proof_wrong_issuer',
  'proof_wrong_audience',
  'proof_wrong_endpoint',
  'proof_wrong_network',
  'proof_expired',
  'proof_not_yet_valid',
  'proof_amount_low',
  'proof_wrong_resource',
  'payment_refunded',
  'payment_voided',
  'payment_expired',
  'proof_already_used',
] as const
export type ProofReason = (typeof proofReasons)[number]

/** The reason that is given when several apply. */
export const firstOf = (reasons: readonly ProofReason[]): ProofReason | undefined =>
  proofReasons.find((reason) => reasons.includes(reason))

/** Who says so, and for how long. */
export type Issuing = {
  issuer: string
  environment: 'test' | 'live'
  nowSeconds: number
  /** Thumbprint of the agent's key, when it has one. */
  thumbprint: string | undefined
}

/** The claims of a new proof of `payment`, in wire form. It never outlives its redemption. */
export function claimsFor(payment: Payment, by: Issuing): z.input<typeof ProofClaims> {
  const common = commonClaims(payment, by)
  const holdExp = payment.state === 'held' ? payment.holdExpiresAt : undefined
  return {
    ...common,
    st: payment.state === 'held' ? 'held' : 'settled',
    exp: Math.min(by.nowSeconds + PROOF_SECONDS, common.rdm, holdExp ?? common.rdm),
    ...(holdExp !== undefined && { holdExp }),
  }
}

/** The claims of a promise: a cheque on its lease, which ends when it was promised to end. */
export function claimsOfPromise(
  promised: Reservation & { resourceHash: string },
  by: Omit<Issuing, 'thumbprint'>,
): z.input<typeof ProofClaims> {
  const { thumbprint } = promised
  return {
    ...commonClaims({ ...promised, id: promised.paymentId }, { ...by, thumbprint }),
    st: 'held',
    exp: promised.expiresAt,
    lse: promised.leaseId,
    seq: promised.seq,
  }
}

type Proved = Omit<
  Payment,
  'walletId' | 'state' | 'conflict' | 'redeemable' | 'holdExpiresAt' | 'capture' | 'refunds'
>

const commonClaims = (payment: Proved, by: Issuing) => ({
  iss: by.issuer,
  aud: payment.providerId,
  sub: payment.agentId,
  jti: payment.id,
  eid: payment.endpointId,
  rid: payment.requestId,
  amount: Amount.encode(payment.amount),
  asset: payment.currency,
  network: networkOf(by.environment),
  rsh: payment.resourceHash,
  pv: payment.priceVersion,
  iat: by.nowSeconds,
  rdm: redemptionEndOf(payment),
  ...(by.thumbprint && { cnf: { jkt: by.thumbprint } }),
})

/** What a verifier expects; what it leaves out is not judged. */
export type Expectation = {
  issuer: string
  network: string
  nowSeconds: number
  endpointId?: string | undefined
  minimum?: Amount | undefined
  /** Any of these hashes will do: the request's, and that of its URL without the query. */
  resourceHashes?: readonly string[] | undefined
}

/** Every reason, of those the claims alone decide, why the proof does not meet the expectation. */
export function judgeClaims(claims: ProofClaims, expected: Expectation): ProofReason[] {
  const { endpointId, minimum, resourceHashes, nowSeconds } = expected
  const judged: [boolean, ProofReason][] = [
    [claims.iss !== expected.issuer, 'proof_wrong_issuer'],
    [endpointId !== undefined && claims.eid !== endpointId, 'proof_wrong_endpoint'],
    [claims.network !== expected.network, 'proof_wrong_network'],
    [nowSeconds > Math.min(claims.exp + EXPIRY_SKEW_SECONDS, claims.rdm), 'proof_expired'],
    [claims.iat > nowSeconds + ISSUE_SKEW_SECONDS, 'proof_not_yet_valid'],
    [minimum !== undefined && claims.amount < minimum, 'proof_amount_low'],
    [resourceHashes?.includes(claims.rsh) === false, 'proof_wrong_resource'],
  ]
  return judged.filter(([applies]) => applies).map(([, reason]) => reason)
}
