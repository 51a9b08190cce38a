import * as z from 'zod'
import { decodeBase64url, encodeBase64url } from './base64url.ts'
import { sha256 } from './digest.ts'
import { publicKeyOf } from './ed25519.ts'
import { signingText } from './pay-message.ts'
import type { PaymentContent } from './payment-id.ts'

/** Everything an agent signs when it pays. */
export type PayFields = PaymentContent & {
  /** The origin of the edge, without a slash: what is signed for one is good for no other. */
  issuer: string
  /** The request's timestamp as whole Unix seconds. */
  seconds: number
  settlement: 'sync' | 'async'
}

/** The text an agent signs. The SDK builds it by the same function, so both sides agree. */
export const payMessage = signingText

/** An Ed25519 public key (RFC 8037 §2) with no other member, so a private one is never taken. */
export const PublicJwk = z.strictObject({
  kty: z.literal('OKP'),
  crv: z.literal('Ed25519'),
  x: z.string().refine((x) => publicKeyOf(x) !== undefined, 'not a usable Ed25519 public key'),
})
export type PublicJwk = z.output<typeof PublicJwk>

/** The name of a key: the base64url SHA-256 of its required members in order (RFC 7638 §3). */
export async function thumbprint({ crv, kty, x }: PublicJwk): Promise<string> {
  return encodeBase64url(await sha256(JSON.stringify({ crv, kty, x })))
}

/**
 * Whether this key signed this text (RFC 8032, pure Ed25519 over its UTF-8 bytes). Never throws.
 *
 * `false` for a signature in any but its one base64url text, and for a key of small order. Says
 * nothing on whose key it is: whoever calls it compares the thumbprint with a registered one.
 */
export async function verifyPaySignature(
  message: string,
  publicJwk: PublicJwk,
  signature: string,
): Promise<boolean> {
  const bytes = signature.length === 86 ? decodeBase64url(signature) : undefined
  const raw = publicKeyOf(publicJwk.x)
  if (!bytes || !raw) return false
  try {
    const key = await crypto.subtle.importKey('raw', raw, 'Ed25519', false, ['verify'])
    return await crypto.subtle.verify('Ed25519', key, bytes, new TextEncoder().encode(message))
  } catch {
    return false // The bytes are no point of the curve.
  }
}
