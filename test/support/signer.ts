import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import type { Body } from './http.ts'

export type Signer = {
  privateKey: KeyObject
  publicJwk: { kty: string; crv: string; x: string }
  thumbprint: string
}

export async function makeSigner(): Promise<Signer> {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const { x = '' } = publicKey.export({ format: 'jwk' })
  const publicJwk = { kty: 'OKP', crv: 'Ed25519', x }
  const canonical = JSON.stringify({ crv: 'Ed25519', kty: 'OKP', x })
  return {
    privateKey,
    publicJwk,
    thumbprint: createHash('sha256').update(canonical).digest('base64url'),
  }
}

/** Signs a payment's canonical lines, written here once more so that both sides are checked. */
export function signPayment(body: Body, signer: Signer, issuer: string): Body {
  const lines = [
    'payos-x402-pay-v1',
    issuer,
    body['walletId'],
    body['endpointId'],
    body['amount'],
    body['currency'],
    body['requestId'],
    body['timestamp'],
    body['method'],
    body['resource'] ?? '',
    body['settlement'] ?? 'sync',
    body['capture'] ?? 'automatic',
  ]
  const signature = sign(null, Buffer.from(lines.join('\n')), signer.privateKey)
  return { ...body, publicKey: signer.publicJwk, signature: signature.toString('base64url') }
}
