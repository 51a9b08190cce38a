import { type PublicJwk, thumbprint } from './pay-signature.ts'

export type KeyPair = {
  publicJwk: PublicJwk
  /** The private half (RFC 8037 §2): a secret. */
  d: string
  /** The name of the key, RFC 7638. */
  thumbprint: string
}

/** Makes an Ed25519 key pair, new each time. */
export async function makeKeyPair(): Promise<KeyPair> {
  const pair = await crypto.subtle.generateKey('Ed25519', true, ['sign', 'verify'])
  const { x = '', d = '' } = await crypto.subtle.exportKey('jwk', pair.privateKey)
  const publicJwk: PublicJwk = { kty: 'OKP', crv: 'Ed25519', x }
  return { publicJwk, d, thumbprint: await thumbprint(publicJwk) }
}
