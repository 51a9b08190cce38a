import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { calculateJwkThumbprint, SignJWT } from 'jose'

/** Everything a deployment keeps secret, made up for one machine. */
export type Secrets = {
  jwtSecret: string
  publishableKey: string
  redisToken: string
  metricsToken: string
  edgeToken: string
  drainToken: string
  operatorToken: string
  /** The JSON of `PROOF_KEYS`. */
  proofKeys: string
}

const DAY_SECONDS = 24 * 60 * 60

/**
 * Makes up all secrets, or those that `kept` lacks. Role tokens are always new: they end after 30
 * days, and are good with the `jwtSecret` that signed them.
 */
export async function makeSecrets(
  nowSeconds: number,
  kept: Partial<Secrets> = {},
): Promise<Secrets> {
  const jwtSecret = kept.jwtSecret ?? randomBytes(32).toString('hex')
  const token = (role: string) =>
    new SignJWT({ role })
      .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
      .setIssuedAt(nowSeconds)
      .setExpirationTime(nowSeconds + 30 * DAY_SECONDS)
      .sign(new TextEncoder().encode(jwtSecret))
  return {
    jwtSecret,
    publishableKey: kept.publishableKey ?? `sb_publishable_${randomBytes(16).toString('hex')}`,
    redisToken: kept.redisToken ?? randomBytes(16).toString('hex'),
    metricsToken: kept.metricsToken ?? randomBytes(16).toString('hex'),
    edgeToken: await token('x402_edge'),
    drainToken: await token('x402_drain'),
    operatorToken: await token('x402_operator'),
    proofKeys: kept.proofKeys ?? JSON.stringify([await makeProofKey(nowSeconds)]),
  }
}

/** A proof key as `PROOF_KEYS` holds it, signing since an hour ago. */
export async function makeProofKey(nowSeconds: number) {
  const { d, x } = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' })
  if (!d || !x) throw new Error('no Ed25519 key could be made')
  const kid = await calculateJwkThumbprint({ kty: 'OKP', crv: 'Ed25519', x })
  return { kid, x, d, publishAt: nowSeconds - 3600, activeAt: nowSeconds - 3600 }
}
