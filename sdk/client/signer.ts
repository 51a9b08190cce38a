export type PublicKey = { kty: 'OKP'; crv: 'Ed25519'; x: string }

/** Signs for the agent: a key in this process, or one that never leaves its vault. */
export type Signer = {
  publicKey: PublicKey
  /** The 64 bytes of an Ed25519 signature (RFC 8032) over `message`. */
  sign(message: Uint8Array<ArrayBuffer>): Promise<Uint8Array>
}

/** @throws TypeError when it is neither a private Ed25519 JWK nor a signer. */
export function signerFrom(given: JsonWebKey | Signer): Signer {
  if ('sign' in given) return given
  const { kty, crv, x = '', d = '' } = given
  const isPrivate = /^[\w-]{43} [\w-]{43}$/.test(`${x} ${d}`)
  if (kty !== 'OKP' || crv !== 'Ed25519' || !isPrivate) {
    throw new TypeError(
      'withPayments: "signer" must be a private JWK, { kty: "OKP", crv: "Ed25519", x, d }, ' +
        'or { publicKey, sign }.',
    )
  }
  const publicKey = { kty, crv, x } as const
  let key: CryptoKey | undefined
  return {
    publicKey,
    async sign(message) {
      key ??= await crypto.subtle.importKey('jwk', { ...publicKey, d }, 'Ed25519', false, ['sign'])
      return new Uint8Array(await crypto.subtle.sign('Ed25519', key, message))
    },
  }
}
