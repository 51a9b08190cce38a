import { decodeBase64url, encodeBase64url } from './base64url.ts'

/** What is signed of a message: its id, the time of this attempt in unix seconds, the exact body. */
export type SignedMessage = { id: string; timestamp: number; body: string }

type Secret =
  | { scheme: 'hmac'; key: Uint8Array<ArrayBuffer> }
  | { scheme: 'ed25519'; d: string; x: string }

const HMAC_PREFIX = 'whsec_'
const PRIVATE_PREFIX = 'whsk_'
const PUBLIC_PREFIX = 'whpk_'

/** The half of an Ed25519 secret that is the private key, and the other that is the public one. */
const HALF = 32

const encoder = new TextEncoder()

/** A secret both sides share, of 24 to 64 random bytes, as Standard Webhooks writes it. */
export const hmacSecretOf = (random: Uint8Array): string => HMAC_PREFIX + toBase64(random)

/** A secret of ours alone: the private key, then the public one. Both are given as base64url. */
export function ed25519SecretOf({ d, x }: { d: string; x: string }): string {
  const halves = [decodeBase64url(d), decodeBase64url(x)]
  return PRIVATE_PREFIX + toBase64(Uint8Array.from(halves.flatMap((half) => [...(half ?? [])])))
}

/** What a provider verifies with: the secret itself, or only its public half; undefined for none. */
export function verifierOf(text: string): string | undefined {
  const secret = readSecret(text)
  if (!secret || secret.scheme === 'hmac') return secret && text
  return PUBLIC_PREFIX + toBase64(decodeBase64url(secret.x) ?? new Uint8Array())
}

/**
 * The `webhook-signature` of a message (Standard Webhooks 1.0.0): one for each secret, in order.
 *
 * A receiver takes the message when any of them is right, so a secret can be replaced while both
 * sides still know the old one.
 */
export async function signWebhook(
  { id, timestamp, body }: SignedMessage,
  secrets: readonly string[],
): Promise<string> {
  const bytes = encoder.encode(`${id}.${timestamp}.${body}`)
  const signed = secrets.map(async (text) => {
    const secret = readSecret(text)
    if (!secret) throw new Error('a webhook has a secret that is none')
    return secret.scheme === 'hmac'
      ? `v1,${toBase64(await hmac(secret.key, bytes))}`
      : `v1a,${toBase64(await ed25519(secret, bytes))}`
  })
  return (await Promise.all(signed)).join(' ')
}

function readSecret(text: string): Secret | undefined {
  const [, prefix, digits = ''] = /^(whsec_|whsk_)(.*)$/s.exec(text) ?? []
  const bytes = fromBase64(digits)
  if (!bytes) return undefined
  if (prefix === HMAC_PREFIX) {
    return bytes.length >= 24 && bytes.length <= 64 ? { scheme: 'hmac', key: bytes } : undefined
  }
  if (bytes.length !== 2 * HALF) return undefined
  const [d, x] = [bytes.slice(0, HALF), bytes.slice(HALF)].map(encodeBase64url)
  return d && x ? { scheme: 'ed25519', d, x } : undefined
}

async function hmac(key: Uint8Array<ArrayBuffer>, bytes: Uint8Array<ArrayBuffer>) {
  const algorithm = { name: 'HMAC', hash: 'SHA-256' }
  const imported = await crypto.subtle.importKey('raw', key, algorithm, false, ['sign'])
  return new Uint8Array(await crypto.subtle.sign('HMAC', imported, bytes))
}

async function ed25519({ d, x }: { d: string; x: string }, bytes: Uint8Array<ArrayBuffer>) {
  const jwk = { kty: 'OKP', crv: 'Ed25519', d, x }
  const imported = await crypto.subtle.importKey('jwk', jwk, 'Ed25519', false, ['sign'])
  return new Uint8Array(await crypto.subtle.sign('Ed25519', imported, bytes))
}

/** Base64 with padding (RFC 4648 section 4), which is what this standard writes. */
function toBase64(bytes: Uint8Array): string {
  const text = encodeBase64url(bytes).replaceAll('-', '+').replaceAll('_', '/')
  return text.padEnd(Math.ceil(text.length / 4) * 4, '=')
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text) || text.length % 4 !== 0) return undefined
  return decodeBase64url(text.replace(/=+$/, '').replaceAll('+', '-').replaceAll('/', '_'))
}
