import { decodeBase64url } from './base64url.ts'
import { readJson } from './json.ts'

/** The longest proof in characters. */
const LENGTH_MAX = 4096

export type CompactJws =
  | {
      ok: true
      kid: string
      /** A JSON object, not judged yet and not authentic before the signature is checked. */
      claims: unknown
      signingInput: Uint8Array<ArrayBuffer>
      signature: Uint8Array<ArrayBuffer>
    }
  | { ok: false; reason: 'length' | 'segments' | 'base64url' | 'header' | 'signature' | 'claims' }

/**
 * Takes a proof apart (JWS compact serialization, RFC 7515 §7.1) without trusting any of it.
 *
 * Only the one canonical text of a proof is read, its header says what an edge's headers say,
 * and neither header nor claims repeat a member. Checks no signature and no claim. Numbers among
 * the claims are floats: they are times and versions, never amounts.
 */
export function splitCompactJws(token: string): CompactJws {
  if (token.length > LENGTH_MAX) return refuse('length')
  const segments = token.split('.', 4)
  if (segments.length !== 3 || segments.includes('')) return refuse('segments')

  const [headerBytes, claimsBytes, signature] = segments.map(decodeBase64url)
  if (!headerBytes || !claimsBytes || !signature) return refuse('base64url')
  if (signature.length !== 64) return refuse('signature')

  const kid = kidIn(objectIn(headerBytes))
  if (kid === undefined) return refuse('header')
  const claims = objectIn(claimsBytes)
  if (!claims) return refuse('claims')

  const signingInput = new TextEncoder().encode(token.slice(0, token.lastIndexOf('.')))
  return { ok: true, kid, claims, signingInput, signature }
}

const refuse = (reason: Extract<CompactJws, { ok: false }>['reason']): CompactJws => ({
  ok: false,
  reason,
})

/** No other member is allowed, so `crit`, `b64`, `jwk`, `jku` and `x5u` never come into play. */
function kidIn(header: Record<string, unknown> = {}): string | undefined {
  const { alg, typ, kid, ...others } = header
  if (alg !== 'EdDSA' || typ !== 'payos-proof+jwt' || Object.keys(others).length > 0) {
    return undefined
  }
  return typeof kid === 'string' && /^[A-Za-z0-9_-]{43}$/.test(kid) ? kid : undefined
}

function objectIn(bytes: Uint8Array): Record<string, unknown> | undefined {
  const json = readJson(bytes, 'float')
  if (!json.ok || typeof json.value !== 'object' || Array.isArray(json.value)) return undefined
  return (json.value as Record<string, unknown> | null) ?? undefined
}
