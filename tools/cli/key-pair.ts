import { thumbprint } from '../../shared/domain/pay-signature.ts'
import type { KeyPair } from '../../shared/domain/proof-key-rotation.ts'

/** Makes an Ed25519 key pair, new each time. */
export async function makeKeyPair(): Promise<KeyPair> {
  const pair = await crypto.subtle.generateKey('Ed25519', true, ['sign', 'verify'])
  const { x = '', d = '' } = await crypto.subtle.exportKey('jwk', pair.privateKey)
  return { x, d, thumbprint: await thumbprint({ kty: 'OKP', crv: 'Ed25519', x }) }
}
