import { generateKeyPairSync, sign } from 'node:crypto'
import { describe, it } from 'vitest'
import { splitCompactJws } from './compact-jws.ts'
import { type PublicJwk, verifyPaySignature } from './pay-signature.ts'

const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n
const P = 2n ** 255n - 19n
const KEYS = 16

const littleEndian = (bytes: Uint8Array) =>
  BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`)

const bytesOf = (value: bigint) =>
  Buffer.from(value.toString(16).padStart(64, '0'), 'hex').reverse()

const jwk = (x: string): PublicJwk => ({ kty: 'OKP', crv: 'Ed25519', x })

/** A signature of a new key over a text of its own. */
function makeSigned(at: number) {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const message = `message ${at}`
  const signature = sign(null, Buffer.from(message), privateKey)
  return { message, signature, x: `${publicKey.export({ format: 'jwk' }).x}` }
}

/** Each other form in which lenient verifiers have taken the same signature. */
function formsOf(signature: Buffer): Buffer[] {
  const [r, s] = [signature.subarray(0, 32), littleEndian(signature.subarray(32))]
  const multiples: Buffer[] = []
  for (let scalar = s + ORDER; scalar < 2n ** 256n; scalar += ORDER) {
    multiples.push(Buffer.concat([r, bytesOf(scalar)]))
  }
  const mirrored = Buffer.concat([r, bytesOf(ORDER - s)])
  const otherSign = Buffer.from(signature)
  otherSign.writeUInt8(otherSign.readUInt8(31) ^ 0x80, 31)
  return [...multiples, mirrored, otherSign, Buffer.concat([bytesOf(0n), bytesOf(s)])]
}

describe('a signature', () => {
  it('has one form: no multiple of the order, no mirror, no other point', async ({ expect }) => {
    let forms = 0
    for (let at = 0; at < KEYS; at++) {
      const { message, signature, x } = makeSigned(at)
      expect(await verifyPaySignature(message, jwk(x), signature.toString('base64url'))).toBe(true)
      for (const form of formsOf(signature)) {
        forms += 1
        expect(await verifyPaySignature(message, jwk(x), form.toString('base64url'))).toBe(false)
      }
    }
    expect(forms).toBeGreaterThanOrEqual(KEYS * 18)
  })

  it('is of no key whose point is written beyond the field, or mirrored', async ({ expect }) => {
    const { message, signature, x } = makeSigned(0)
    const mirrored = Buffer.from(x, 'base64url')
    mirrored.writeUInt8(mirrored.readUInt8(31) ^ 0x80, 31)
    const beyond = Array.from({ length: 19 }, (_, y) => bytesOf(P + BigInt(y)))
    const keys = [mirrored, ...beyond]

    for (const key of keys) {
      const forged = jwk(key.toString('base64url'))
      expect(await verifyPaySignature(message, forged, signature.toString('base64url'))).toBe(false)
    }
    expect(keys).toHaveLength(20)
  })
})

/** RFC 8037, appendix A.4: the one published JWS by an Ed25519 key. */
const published = {
  x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
  text: 'eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc',
  signature:
    'hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg',
}

describe('the JWS of RFC 8037', () => {
  it('has a signature that is valid, and is no proof: it has another type', async ({ expect }) => {
    const { x, text, signature } = published
    expect(await verifyPaySignature(text, jwk(x), signature)).toBe(true)
    expect(splitCompactJws(`${text}.${signature}`)).toMatchObject({ ok: false })
  })
})
