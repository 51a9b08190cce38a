import { type CompactJws, splitCompactJws } from '../../shared/domain/compact-jws.ts'
import {
  EXPIRY_SKEW_SECONDS,
  ISSUE_SKEW_SECONDS,
  networkOf,
} from '../../shared/domain/proof-terms.ts'
import { resourceHash } from '../../shared/domain/resource.ts'
import type { Keys } from './keys.ts'
import { type Proof, type ProofReason, readClaims } from './proof.ts'

export type ProofExpectation = {
  /** From {@link payosKeys}. */
  keys: Keys
  /** What the edge calls itself; usually its origin. */
  issuer: string
  environment: 'test' | 'live'
  /** Your own id: a proof made out to anyone else is refused. */
  providerId: string
  /** The endpoint that is being served. */
  endpointId: string
  currency: 'USDC' | 'EURC'
  /** The least that is taken, in atomic units, for a proof of this price version. */
  price: bigint | ((proof: Proof) => bigint | undefined | Promise<bigint | undefined>)
  /** The request in hand. */
  method: string
  /** Its public URL, as the agent knows it. */
  url: string
  nowSeconds?: () => number
}

export type Verdict = { ok: true; proof: Proof } | { ok: false; reason: ProofReason }

/**
 * Says whether a proof pays for this request, without calling PayOS.
 *
 * It has no memory: whoever serves the request must also make sure that the payment is used once.
 * Never throws on a bad proof. De-duplicate on `proof.paymentId`, never on the token's text.
 *
 * @throws EdgeUnavailable when the keys cannot be had: answer 503, the agent may repeat.
 */
export async function verifyProof(token: string, expected: ProofExpectation): Promise<Verdict> {
  const segments = splitCompactJws(token)
  if (!segments.ok) return refuse('proof_malformed')
  const key = await expected.keys.find(segments.kid)
  if (!key) return refuse('proof_key_unknown')
  // Hashed while the signature is checked: both wait for another thread.
  const hash = hashOf(expected.method, new URL(expected.url).href)
  if (!(await isAuthentic(segments, key))) return refuse('proof_signature_invalid')

  const proof = readClaims(segments.claims)
  if (!proof) return refuse('proof_malformed')
  const reason = judge(proof, expected)
  if (reason) return refuse(reason)
  const { price } = expected
  const least = typeof price === 'function' ? await price(proof) : price
  if (least === undefined || proof.amount < least) return refuse('proof_amount_low')
  return (await fits(proof, expected, await hash))
    ? { ok: true, proof }
    : refuse('proof_wrong_resource')
}

const refuse = (reason: ProofReason): Verdict => ({ ok: false, reason })

type Segments = Extract<CompactJws, { ok: true }>

/** Pure Ed25519 (RFC 8032); the header can name no other algorithm. */
async function isAuthentic({ signature, signingInput }: Segments, key: CryptoKey) {
  return crypto.subtle.verify('Ed25519', key, signature, signingInput)
}

/** What the claims alone decide. The order is that of the edge's own answers. */
function judge(proof: Proof, expected: ProofExpectation): ProofReason | undefined {
  const nowSeconds = (expected.nowSeconds ?? (() => Date.now() / 1000))()
  const until = Math.min(proof.expiresAt + EXPIRY_SKEW_SECONDS, proof.redeemableUntil)
  const judged: [boolean, ProofReason][] = [
    [proof.issuer !== expected.issuer, 'proof_wrong_issuer'],
    [proof.providerId !== expected.providerId, 'proof_wrong_audience'],
    [proof.endpointId !== expected.endpointId, 'proof_wrong_endpoint'],
    [proof.network !== networkOf(expected.environment), 'proof_wrong_network'],
    [nowSeconds > until, 'proof_expired'],
    [proof.issuedAt > nowSeconds + ISSUE_SKEW_SECONDS, 'proof_not_yet_valid'],
    [proof.currency !== expected.currency, 'proof_amount_low'],
  ]
  return judged.find(([applies]) => applies)?.[1]
}

/** Whether it was paid for this request, or for its URL without the query. */
async function fits(proof: Proof, { method, url }: ProofExpectation, hash: string) {
  if (hash === proof.resourceHash) return true
  const { origin, pathname } = new URL(url)
  return (await hashOf(method, origin + pathname)) === proof.resourceHash
}

/** Hashes of the requests served last: most providers serve few URLs, and each hash is a wait. */
const hashes = new Map<string, string>()
const HASHES_MAX = 256

async function hashOf(method: string, href: string): Promise<string> {
  const name = `${method} ${href}`
  const known = hashes.get(name)
  if (known !== undefined) return known
  const hash = await resourceHash(method, href)
  if (hashes.size >= HASHES_MAX) hashes.clear()
  hashes.set(name, hash)
  return hash
}
