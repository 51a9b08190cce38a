import { encodeBase64url } from '../../shared/domain/base64url.ts'
import { sha256 } from '../../shared/domain/digest.ts'

/** A key that signs proofs in tests, and what is published of it. */
export type ProofKey = {
  kid: string
  publicJwk: Record<string, string>
  sign(input: string): Promise<string>
}

/** Makes a proof key, new each time. */
export async function makeProofKey(): Promise<ProofKey> {
  const pair = await crypto.subtle.generateKey('Ed25519', true, ['sign', 'verify'])
  const { x = '' } = await crypto.subtle.exportKey('jwk', pair.publicKey)
  const kid = encodeBase64url(await sha256(JSON.stringify({ crv: 'Ed25519', kty: 'OKP', x })))
  return {
    kid,
    publicJwk: { kty: 'OKP', crv: 'Ed25519', x, kid, use: 'sig', alg: 'EdDSA' },
    async sign(input) {
      const bytes = new TextEncoder().encode(input)
      const signature = await crypto.subtle.sign('Ed25519', pair.privateKey, bytes)
      return encodeBase64url(new Uint8Array(signature))
    },
  }
}

/** Signs claims as a proof; `header` replaces members of its header. */
export async function signProof(
  key: ProofKey,
  claims: Record<string, unknown>,
  header: Record<string, unknown> = {},
): Promise<string> {
  const full = { alg: 'EdDSA', typ: 'payos-proof+jwt', kid: key.kid, ...header }
  const input = `${segment(full)}.${segment(claims)}`
  return `${input}.${await key.sign(input)}`
}

const segment = (value: unknown) => encodeBase64url(new TextEncoder().encode(JSON.stringify(value)))
