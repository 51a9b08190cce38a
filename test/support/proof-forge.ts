import { createPrivateKey, sign } from 'node:crypto'
import { makeProofKey } from '../../local/secrets.ts'
import type { World } from './world.ts'

export type ProofKeyPair = { kid: string; x: string; d: string }

/** A proof taken apart, and the key that signs it when it is put together again. */
export type ProofParts = {
  header: Record<string, unknown>
  claims: Record<string, unknown>
  key: ProofKeyPair
}

/** The key this world's edges sign with. */
export const proofKeyOf = (world: World): ProofKeyPair =>
  JSON.parse(world.payos.secrets.proofKeys)[0]

/** A key of the same form that nobody published. */
export const strangeKey = (): Promise<ProofKeyPair> => makeProofKey(0)

export const segment = (part: object | string): string =>
  Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url')

/** Header and claims as they are, right or wrong, under a good Ed25519 signature. */
export function signToken(
  header: object | string,
  claims: object | string,
  { x, d }: ProofKeyPair,
): string {
  const input = `${segment(header)}.${segment(claims)}`
  const jwk = { kty: 'OKP', crv: 'Ed25519', x, d }
  const signature = sign(null, Buffer.from(input), createPrivateKey({ key: jwk, format: 'jwk' }))
  return `${input}.${signature.toString('base64url')}`
}

export const assemble = ({ header, claims, key }: ProofParts): string =>
  signToken(header, claims, key)

export function takeApart(token: string, key: ProofKeyPair): ProofParts {
  const [header, claims] = token
    .split('.')
    .slice(0, 2)
    .map((part) => JSON.parse(`${Buffer.from(part, 'base64url')}`))
  return { header, claims, key }
}
