import { decodeBase64url } from '../../shared/domain/base64url.ts'
import { readJson } from '../../shared/domain/json.ts'
import { isRecord } from '../../shared/protocol/x402.ts'

const LENGTH_MAX = 4096

export type Segments = {
  kid: string
  /** Not judged yet, and not authentic before the signature is checked. */
  claims: unknown
  signingInput: Uint8Array<ArrayBuffer>
  signature: Uint8Array<ArrayBuffer>
}

/**
 * Takes a proof apart (JWS compact, RFC 7515 section 7.1) without trusting any of it; `undefined`
 * unless it is in the one text a proof has.
 *
 * Common decoders pass over spaces, padding and unused bits, so that one proof has many texts, and
 * of a repeated member they take either. Here each character counts and no member repeats.
 */
export function splitProof(token: string): Segments | undefined {
  if (token.length > LENGTH_MAX) return undefined
  const segments = token.split('.', 4)
  const [head, body, signature] = segments.map(decodeBase64url)
  if (segments.length !== 3 || !head || !body || signature?.length !== 64) return undefined

  const [header, claims] = [objectIn(head), objectIn(body)]
  if (!header || !claims || Object.keys(header).length !== 3) return undefined
  const { alg, typ, kid } = header
  if (alg !== 'EdDSA' || typ !== 'payos-proof+jwt') return undefined
  if (typeof kid !== 'string' || !/^[\w-]{43}$/.test(kid)) return undefined
  const signingInput = new TextEncoder().encode(token.slice(0, token.lastIndexOf('.')))
  return { kid, claims, signingInput, signature }
}

function objectIn(bytes: Uint8Array): Record<string, unknown> | undefined {
  const json = readJson(bytes, 'float')
  return json.ok && isRecord(json.value) ? json.value : undefined
}
