import { type CompactJWSHeaderParameters, compactVerify, createRemoteJWKSet } from 'jose'
import { type Claims, type Expected, faultOf } from './claims.ts'

export type Checked = { ok: true; paymentId: string } | { ok: false; reason: string }

/**
 * Checks proofs by the issuer's published keys alone: nobody is asked about a payment.
 * A proof is good once. It throws only when the keys cannot be had, which is an outage.
 */
export function proofChecker(issuer: string) {
  // Kept for a day when the issuer is away; an unknown key asks for the set, each 30 s at most.
  const set = new URL('/.well-known/jwks.json', issuer)
  const keys = createRemoteJWKSet(set, { cacheMaxAge: 86_400_000, cooldownDuration: 30_000 })
  setInterval(() => keys.reload().catch(() => undefined), 300_000).unref()
  const isFirstUse = uses()

  const judge = async (proof: string, expected: Expected): Promise<Checked> => {
    if (!isOneText(proof)) return refuse('proof_malformed')
    const signed = await compactVerify(proof, keys, { algorithms: ['EdDSA'] })
    if (!isProof(signed.protectedHeader)) return refuse('proof_malformed')
    const claims: Claims = JSON.parse(new TextDecoder().decode(signed.payload))
    const reason = faultOf(claims, expected)
    if (reason) return refuse(reason)
    return isFirstUse(claims) ? { ok: true, paymentId: claims.jti } : refuse('proof_already_used')
  }
  return (proof: string, expected: Expected) => judge(proof, expected).catch(refusalOf)
}

/** Remembers payments, not tokens: a payment may have several proofs and opens one request. */
function uses() {
  const used = new Map<string, number>()
  return ({ jti, rdm }: Claims): boolean => {
    for (const [id, until] of used) if (until < Date.now() / 1000) used.delete(id)
    if (used.has(jti)) return false
    used.set(jti, rdm + 60)
    return true
  }
}

/** Whether it is short and written in the one way base64url has, so that no byte is loose. */
const isOneText = (proof: string) =>
  proof.length <= 4096 &&
  proof.split('.').every((part) => Buffer.from(part, 'base64url').toString('base64url') === part)

const isProof = ({ alg, typ, kid, ...more }: CompactJWSHeaderParameters) =>
  alg === 'EdDSA' &&
  typ === 'payos-proof+jwt' &&
  kid !== undefined &&
  Object.keys(more).length === 0

const refuse = (reason: string): Checked => ({ ok: false, reason })

const reasons: Record<string, string> = {
  ERR_JWKS_NO_MATCHING_KEY: 'proof_key_unknown',
  ERR_JWS_SIGNATURE_VERIFICATION_FAILED: 'proof_signature_invalid',
  ERR_JWS_INVALID: 'proof_malformed',
  ERR_JOSE_ALG_NOT_ALLOWED: 'proof_malformed',
}

function refusalOf(cause: { code?: string }): Checked {
  const reason = reasons[cause.code ?? '']
  if (reason === undefined) throw cause
  return refuse(reason)
}
