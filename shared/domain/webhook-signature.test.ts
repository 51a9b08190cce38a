import { createHmac, createPublicKey, generateKeyPairSync, verify } from 'node:crypto'
import { describe, it } from 'vitest'
import { ed25519SecretOf, hmacSecretOf, signWebhook, verifierOf } from './webhook-signature.ts'

/**
 * The vector of the standard's own library: standard-webhooks/standard-webhooks at b2fa7b8,
 * libraries/javascript/src/webhook.test.ts, "sign function works".
 */
const published = {
  secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
  message: {
    id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    timestamp: 1_614_265_330,
    body: '{"test": 2432232314}',
  },
  signature: 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
}

const { privateKey, publicKey } = generateKeyPairSync('ed25519')
const { d = '', x = '' } = privateKey.export({ format: 'jwk' })
const pair = { d, x }

/** What is signed, put together by hand. */
const signedText = ({ id, timestamp, body } = published.message) => `${id}.${timestamp}.${body}`

describe('the signature of a webhook', () => {
  it('is that of the published vector, and of its definition', async ({ expect }) => {
    const key = Buffer.from(published.secret.slice('whsec_'.length), 'base64')
    const defined = createHmac('sha256', key).update(signedText()).digest('base64')

    expect(await signWebhook(published.message, [published.secret])).toBe(published.signature)
    expect(`v1,${defined}`).toBe(published.signature)
  })

  it('by a private key is verified with the public one', async ({ expect }) => {
    const signature = await signWebhook(published.message, [ed25519SecretOf(pair)])
    const [version, text = ''] = signature.split(',')

    expect(version).toBe('v1a')
    const bytes = Buffer.from(text, 'base64')
    expect(verify(null, Buffer.from(signedText()), publicKey, bytes)).toBe(true)
    expect(verify(null, Buffer.from(`${signedText()} `), publicKey, bytes)).toBe(false)
  })

  it('is one for each secret, so that either is enough', async ({ expect }) => {
    const secrets = [published.secret, hmacSecretOf(new Uint8Array(32)), ed25519SecretOf(pair)]

    const signatures = (await signWebhook(published.message, secrets)).split(' ')

    expect(signatures[0]).toBe(published.signature)
    expect(signatures.map((it) => it.split(',')[0])).toEqual(['v1', 'v1', 'v1a'])
  })

  it('is of the bytes of the body, whatever script they write', async ({ expect }) => {
    const message = { ...published.message, body: '{"name":"Zoë 🌦"}' }
    const key = Buffer.from(published.secret.slice('whsec_'.length), 'base64')

    expect(await signWebhook(message, [published.secret])).toBe(
      `v1,${createHmac('sha256', key).update(signedText(message)).digest('base64')}`,
    )
  })
})

describe('a secret of a webhook', () => {
  it('tells its receiver what to verify with, and of a key pair the public half alone', ({
    expect,
  }) => {
    const told = verifierOf(ed25519SecretOf(pair)) ?? ''
    const jwk = {
      kty: 'OKP',
      crv: 'Ed25519',
      x: Buffer.from(told.slice('whpk_'.length), 'base64').toString('base64url'),
    }

    expect(verifierOf(published.secret)).toBe(published.secret)
    expect(told).toMatch(/^whpk_[A-Za-z0-9+/]{43}=$/)
    expect(createPublicKey({ key: jwk, format: 'jwk' }).equals(publicKey)).toBe(true)
  })

  it.for([
    '',
    'whsec_',
    'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
    'whsec_c2hvcnQ=',
    'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS',
    'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa-_',
    'whsec_ MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
    hmacSecretOf(new Uint8Array(23)),
    hmacSecretOf(new Uint8Array(65)),
    `whsk_${Buffer.alloc(32).toString('base64')}`,
    `whpk_${Buffer.alloc(32).toString('base64')}`,
  ])('is none: %j', async (text, { expect }) => {
    expect(verifierOf(text)).toBeUndefined()
    await expect(signWebhook(published.message, [text])).rejects.toThrow('is none')
  })
})
