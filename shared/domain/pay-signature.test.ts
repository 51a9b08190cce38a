import fc from 'fast-check'
import { describe, it, onTestFinished } from 'vitest'
import { decodeBase64url, encodeBase64url } from './base64url.ts'
import { PublicJwk, thumbprint, verifyPaySignature } from './pay-signature.ts'

const fromHex = (digits: string) => encodeBase64url(Uint8Array.from(Buffer.from(digits, 'hex')))
const jwk = (x: string): PublicJwk => ({ kty: 'OKP', crv: 'Ed25519', x })

/** RFC 8032 §7.1, tests 1 and 2: those whose message is text. */
const vectors = [
  {
    message: '',
    key: fromHex('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a'),
    signature: fromHex(
      'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155' +
        '5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
    ),
  },
  {
    message: 'r',
    key: fromHex('3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c'),
    signature: fromHex(
      '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da' +
        '085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
    ),
  },
]
const [, { message, key, signature }] = vectors as [unknown, (typeof vectors)[number]]

describe('PublicJwk', () => {
  it.for<[string, unknown]>([
    ['a private key', { ...jwk(key), d: 'nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A' }],
    ['another member', { ...jwk(key), alg: 'EdDSA' }],
    ['another curve', { ...jwk(key), crv: 'X25519' }],
    ['another key type', { ...jwk(key), kty: 'EC' }],
    ['a key with padding', jwk(`${key}=`)],
    ['a key with unused bits', jwk(key.replace(/.$/, 'B'))],
    ['a key that is too short', jwk(key.slice(0, 42))],
    ['a key of small order', jwk('A'.repeat(43))],
    ['no key', { kty: 'OKP', crv: 'Ed25519' }],
    ['a text', key],
  ])('refuses %s', ([, value], { expect }) => {
    expect(PublicJwk.safeParse(jwk(key)).success).toBe(true)
    expect(PublicJwk.safeParse(value).success).toBe(false)
  })

  it('says of a key that no signature can be trusted under that it is not usable', ({ expect }) => {
    const { error } = PublicJwk.safeParse(jwk('A'.repeat(43)))
    expect(error?.issues).toMatchObject([
      { path: ['x'], message: 'not a usable Ed25519 public key' },
    ])
  })
})

describe('thumbprint', () => {
  it('is that of RFC 8037 appendix A.3, in whichever order the members come', async ({
    expect,
  }) => {
    const x = '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo'
    const expected = 'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k'
    expect(await thumbprint({ kty: 'OKP', crv: 'Ed25519', x })).toBe(expected)
    expect(await thumbprint({ x, crv: 'Ed25519', kty: 'OKP' })).toBe(expected)
  })
})

describe('verifyPaySignature', () => {
  it.for(vectors)('accepts the RFC 8032 signature of "$message"', async (vector, { expect }) => {
    const { message, key, signature } = vector
    expect(await verifyPaySignature(message, jwk(key), signature)).toBe(true)
    expect(await verifyPaySignature(`${message} `, jwk(key), signature)).toBe(false)
  })

  it('accepts what Web Crypto signs and refuses it for any other text or key', async ({
    expect,
  }) => {
    const generate = () => crypto.subtle.generateKey('Ed25519', true, ['sign', 'verify'])
    const [mine, other] = (await Promise.all([generate(), generate()])) as CryptoKeyPair[]
    const publicOf = async (pair: CryptoKeyPair | undefined) => {
      const { x } = pair ? await crypto.subtle.exportKey('jwk', pair.publicKey) : {}
      return PublicJwk.parse(jwk(x ?? ''))
    }
    const [ours, theirs] = [await publicOf(mine), await publicOf(other)]
    const sign = async (text: string) => {
      const bytes = new TextEncoder().encode(text)
      const secret = mine?.privateKey as CryptoKey
      return encodeBase64url(new Uint8Array(await crypto.subtle.sign('Ed25519', secret, bytes)))
    }
    await fc.assert(
      fc.asyncProperty(fc.string(), fc.string(), async (text, otherText) => {
        const made = await sign(text)
        expect(await verifyPaySignature(text, ours, made)).toBe(true)
        expect(await verifyPaySignature(text, theirs, made)).toBe(false)
        expect(await verifyPaySignature(otherText, ours, made)).toBe(otherText === text)
      }),
      { numRuns: 30 },
    )
  })

  it.for<[string, (signature: string) => string]>([
    ['nothing', () => ''],
    ['one character less', (text) => text.slice(1)],
    ['one character more', (text) => `A${text}`],
    ['padding', (text) => `${text}==`],
    ['a line feed', (text) => `${text}\n`],
    ['a space within', (text) => `${text.slice(0, 40)} ${text.slice(40)}`],
    ['a space in place of a character', (text) => ` ${text.slice(1)}`],
    [
      'unused bits',
      (text) => text.replace(/.$/, (last) => String.fromCharCode(last.charCodeAt(0) + 1)),
    ],
    ['the standard alphabet', (text) => text.replaceAll('-', '+').replaceAll('_', '/')],
    ['hexadecimal', (text) => Buffer.from(text, 'base64url').toString('hex')],
    ['zero bytes', () => 'A'.repeat(86)],
    ['S plus the group order', plusOrder],
  ])('refuses a signature with %s', async ([, change], { expect }) => {
    expect(change(signature)).not.toBe(signature)
    expect(await verifyPaySignature(message, jwk(key), change(signature))).toBe(false)
  })

  it('refuses a signature with any one bit changed', async ({ expect }) => {
    const bytes = decodeBase64url(signature) ?? new Uint8Array()
    for (let bit = 0; bit < 512; bit += 7) {
      const changed = bytes.map((byte, at) => (at === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte))
      expect(await verifyPaySignature(message, jwk(key), encodeBase64url(changed))).toBe(false)
    }
  })

  it.for([
    ...['', 'A', 'A'.repeat(43), 'A'.repeat(44), `${'B'.repeat(42)}B`, '#'.repeat(43)],
    ...[fromHex('01'.padEnd(64, '0')), fromHex(`ec${'ff'.repeat(30)}7f`), fromHex('02'.repeat(32))],
  ])('answers false, and does not throw, for the key %j', async (x, { expect }) => {
    expect(await verifyPaySignature(message, jwk(x), signature)).toBe(false)
  })

  it.for<[string, string, string]>([
    ['a signature that is no base64url', key, '='.repeat(86)],
    ['a longer signature', key, 'A'.repeat(88)],
    ['a shorter signature', key, 'A'.repeat(84)],
    ['a key of small order', 'A'.repeat(43), signature],
  ])('asks nothing of the curve for %s', async ([, x, signed], { expect }) => {
    const asked = importBy(() => Promise.reject(new DOMException()))
    expect(await verifyPaySignature(message, jwk(x), signed)).toBe(false)
    expect(asked.times).toBe(0)
  })

  it('is false when the runtime refuses the key', async ({ expect }) => {
    const asked = importBy(() => Promise.reject(new DOMException()))
    expect(await verifyPaySignature(message, jwk(key), signature)).toBe(false)
    expect(asked.times).toBe(1)
  })

  it('refuses the signature that fits every text under the key of order one', async ({
    expect,
  }) => {
    const identity = '01'.padEnd(64, '0')
    const forged = fromHex(identity + '00'.repeat(32))
    expect(await verifyPaySignature('any text', jwk(fromHex(identity)), forged)).toBe(false)
  })
})

/** Has the runtime import keys by another function until the test ends, and counts the times. */
function importBy(other: () => Promise<never>): { times: number } {
  const asked = { times: 0 }
  const value = () => {
    asked.times += 1
    return other()
  }
  Object.defineProperty(crypto.subtle, 'importKey', { value, configurable: true })
  onTestFinished(() => void Reflect.deleteProperty(crypto.subtle, 'importKey'))
  return asked
}

/** The same signature in a second form, S + L, which RFC 8032 §5.1.7 tells verifiers to refuse. */
function plusOrder(text: string): string {
  const bytes = Buffer.from(text, 'base64url')
  const order = 2n ** 252n + 27742317777372353535851937790883648493n
  const scalar = BigInt(`0x${Buffer.from(bytes.subarray(32)).reverse().toString('hex')}`) + order
  const half = Buffer.from(scalar.toString(16).padStart(64, '0'), 'hex').reverse()
  return Buffer.concat([bytes.subarray(0, 32), half]).toString('base64url')
}
