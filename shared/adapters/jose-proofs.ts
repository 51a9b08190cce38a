import { compactVerify, importJWK } from 'jose'
import type * as z from 'zod'
import { encodeBase64url } from '../domain/base64url.ts'
import { splitCompactJws } from '../domain/compact-jws.ts'
import { claimsFor, claimsOfPromise, ProofClaims, type ProofReason } from '../domain/proof.ts'
import {
  couldHaveSigned,
  type ProofKey,
  publicJwkOf,
  publishedKeys,
  signingKey,
  stateOf,
} from '../domain/proof-keys.ts'
import { resourceHash } from '../domain/resource.ts'
import type { Clock, Proofs } from '../ports.ts'

export type ProofIssuer = {
  issuer: string
  environment: 'test' | 'live'
  keys: readonly ProofKey[]
}

type Imported = { key: CryptoKey; header: string }

/** Proofs as JWS compact (RFC 7515), signed with Ed25519 (RFC 8037) by the key whose time it is. */
export function joseProofs(by: ProofIssuer, clock: Clock): Proofs {
  const imported = importer()

  const signed = async (claims: z.input<typeof ProofClaims>) => {
    const key = signingKey(by.keys, claims.iat)
    if (!key) throw new Error('no proof key is active: rotate the keys')
    return {
      proof: await signCompact(await imported(key, 'private'), claims),
      expiresAt: claims.exp,
    }
  }

  return {
    canSign: () => signingKey(by.keys, clock.nowSeconds()) !== undefined,

    sign: (payment, thumbprint) => {
      const nowSeconds = clock.nowSeconds()
      return signed(claimsFor(payment, { ...by, nowSeconds, thumbprint }))
    },

    async signPromise(promised) {
      const nowSeconds = clock.nowSeconds()
      const hash = await resourceHash(promised.method, promised.resource)
      return signed(claimsOfPromise({ ...promised, resourceHash: hash }, { ...by, nowSeconds }))
    },

    async read(token) {
      const split = splitCompactJws(token)
      if (!split.ok) return refuse('proof_malformed')

      const key = by.keys.find((it) => it.kid === split.kid)
      const fault = faultOf(key, clock.nowSeconds())
      if (!key || fault) return refuse(fault ?? 'proof_key_unknown')
      if (!(await isAuthentic(token, (await imported(key, 'public')).key))) {
        return refuse('proof_signature_invalid')
      }

      const claims = ProofClaims.safeParse(split.claims)
      if (!claims.success) return refuse('proof_malformed')
      if (!couldHaveSigned(key, claims.data.iat)) return refuse('proof_key_unknown')
      return { ok: true, claims: claims.data }
    },

    publicKeys: () => publishedKeys(by.keys, clock.nowSeconds()).map(publicJwkOf),
  }
}

function faultOf(key: ProofKey | undefined, nowSeconds: number): ProofReason | undefined {
  const state = key ? stateOf(key, nowSeconds) : 'absent'
  if (state === 'absent') return 'proof_key_unknown'
  return state === 'revoked' ? 'key_revoked' : undefined
}

const refuse = (reason: ProofReason) => ({ ok: false, reason }) as const

/** A JWS in compact form (RFC 7515 section 7.1): the header, the claims, a signature over both. */
async function signCompact({ key, header }: Imported, claims: object): Promise<string> {
  const input = `${header}.${encodeJson(claims)}`
  const signature = await crypto.subtle.sign('Ed25519', key, new TextEncoder().encode(input))
  return `${input}.${encodeBase64url(new Uint8Array(signature))}`
}

const encodeJson = (value: object): string =>
  encodeBase64url(new TextEncoder().encode(JSON.stringify(value)))

async function isAuthentic(token: string, key: CryptoKey): Promise<boolean> {
  try {
    await compactVerify(token, key, { algorithms: ['EdDSA'] })
    return true
  } catch {
    return false
  }
}

/** Imports each key once per isolate. What is kept is the key, never the promise of one. */
function importer() {
  const known = new Map<string, Imported>()
  return async (from: ProofKey, half: 'private' | 'public'): Promise<Imported> => {
    const name = `${half} ${from.kid}`
    const found = known.get(name)
    if (found) return found

    const { use: _, ...jwk } = publicJwkOf(from)
    const key = await importJWK(half === 'private' ? { ...jwk, d: from.d } : jwk, 'EdDSA')
    if (key instanceof Uint8Array) throw new TypeError('a proof key is an asymmetric one')
    const header = encodeJson({ alg: 'EdDSA', typ: 'payos-proof+jwt', kid: from.kid })
    const fresh = { key, header }
    known.set(name, fresh)
    return fresh
  }
}
