import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { type RawWebhook, webhookReader } from '../../sdk/provider/index.ts'
import {
  ed25519SecretOf,
  hmacSecretOf,
  signWebhook,
  verifierOf,
} from '../../shared/domain/webhook-signature.ts'
import { openWebhookWorld, type WebhookWorld } from '../support/webhooks.ts'
import { openWorld } from '../support/world.ts'

let hooks: WebhookWorld

beforeAll(async () => {
  hooks = await openWebhookWorld(await openWorld())
})
afterAll(() => hooks?.close())

const NOW = 1_795_176_000
const ID = 'aa9c6795-3cf9-883e-87d9-4479924b03c6'
const EVENT = { type: 'payment.settled', timestamp: 'then', sequence: 7, data: { amount: '0.001' } }
const BODY = JSON.stringify(EVENT)

const { d = '', x = '' } = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' })
const pair = ed25519SecretOf({ d, x })
const publicKey = verifierOf(pair) ?? ''
const [old, fresh, foreign] = [hmacSecret(), hmacSecret(), hmacSecret()]

function hmacSecret() {
  return hmacSecretOf(randomBytes(32))
}

type Signed = RawWebhook & { headers: Record<string, string> }

async function signedBy(secrets: string[], { timestamp = NOW, body = BODY } = {}): Promise<Signed> {
  const headers = {
    'webhook-id': ID,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': await signWebhook({ id: ID, timestamp, body }, secrets),
  }
  return { headers, body }
}

const reader = (secret: string | string[]) => webhookReader({ secret, nowSeconds: () => NOW })

const withHeader = (signed: Signed, name: string, value: string): Signed => ({
  ...signed,
  headers: { ...signed.headers, [`webhook-${name}`]: value },
})

describe('a webhook of ours', () => {
  it.for([
    ['by the shared secret', [old], old],
    ['by the old one of two', [fresh, old], old],
    ['by the new one of two', [fresh, old], fresh],
    ['by one of two that are known here', [fresh], [old, fresh]],
    ['by our key', [pair], publicKey],
    ['by our key while a secret is replaced by it', [pair, old], [old, publicKey]],
  ] as [string, string[], string | string[]][])(
    'is read: %s',
    async ([, by, known], { expect }) => {
      expect(await reader(known)(await signedBy(by))).toEqual({ id: ID, ...EVENT })
    },
  )

  it('is read from a Request, and from bytes', async ({ expect }) => {
    const { headers } = await signedBy([old])
    const request = new Request('https://api.example/hook', { method: 'POST', headers, body: BODY })
    const bytes = { headers, body: Buffer.from(BODY) }

    expect(await reader(old)(request)).toEqual({ id: ID, ...EVENT })
    expect(await reader(old)(bytes)).toEqual({ id: ID, ...EVENT })
  })

  it('is read as it is sent', async ({ expect }) => {
    const told = await hooks.told()
    const paymentId = await hooks.pay(told)
    await hooks.tick()
    const [received] = told.received()
    const nowSeconds = () => hooks.world.payos.clock.now() / 1000
    const read = webhookReader({ secret: told.secret, nowSeconds })

    const event = await read({
      headers: received?.headers ?? {},
      body: received?.body ?? '',
    })

    expect(event).toMatchObject({ type: 'payment.settled', data: { paymentId } })
  })
})

describe('what is not ours', () => {
  it.for<[string, string, (signed: Signed) => RawWebhook]>([
    ['no signature', 'webhook_unsigned', (it) => withHeader(it, 'signature', '')],
    ['no id', 'webhook_unsigned', (it) => withHeader(it, 'id', '')],
    ['a time that is none', 'webhook_unsigned', (it) => withHeader(it, 'timestamp', '1e9')],
    ['headers sent twice', 'webhook_unsigned', twice],
    ['an old time', 'webhook_out_of_time', (it) => withHeader(it, 'timestamp', `${NOW - 301}`)],
    ['a time ahead', 'webhook_out_of_time', (it) => withHeader(it, 'timestamp', `${NOW + 301}`)],
    [
      'another time',
      'webhook_signature_invalid',
      (it) => withHeader(it, 'timestamp', `${NOW - 1}`),
    ],
    ['another id', 'webhook_signature_invalid', (it) => withHeader(it, 'id', 'another')],
    ['another body', 'webhook_signature_invalid', (it) => ({ ...it, body: `${BODY} ` })],
    ['a body written anew', 'webhook_signature_invalid', rewritten],
    ['another version', 'webhook_signature_invalid', (it) => signedAs(it, 'v2,')],
    ['the version of keys', 'webhook_signature_invalid', (it) => signedAs(it, 'v1a,')],
    ['a signature cut short', 'webhook_signature_invalid', cut],
    ['a right one after eight wrong ones', 'webhook_signature_invalid', buried],
  ])('is refused: %s', async ([, code, change], { expect }) => {
    const forged = change(await signedBy([old]))
    await expect(reader(old)(forged)).rejects.toMatchObject({ name: 'WebhookError', code })
  })

  it.for([
    ['another secret', foreign],
    ['our key, when a secret is expected', publicKey.replace('whpk_', 'whsec_')],
    ['a secret, when our key is expected', publicKey],
  ] as const)('is refused: %s', async ([, secret], { expect }) => {
    const signed = await signedBy([old])
    await expect(reader(secret)(signed)).rejects.toMatchObject({
      code: 'webhook_signature_invalid',
    })
  })

  it.for([
    ['is no JSON', 'nothing'],
    ['is no object', '[]'],
    ['says a member twice', '{"type":"a","type":"b"}'],
  ] as const)('is refused: signed, and %s', async ([, body], { expect }) => {
    await expect(reader(old)(await signedBy([old], { body }))).rejects.toMatchObject({
      code: 'webhook_unreadable',
    })
  })

  it('is not read to its end when it is endless', async ({ expect }) => {
    const { headers } = await signedBy([old])
    let sent = 0
    const body = new ReadableStream({
      pull(controller) {
        sent += 16_384
        controller.enqueue(new Uint8Array(16_384))
      },
    })
    const init = { method: 'POST', headers, body, duplex: 'half' } as RequestInit

    await expect(reader(old)(new Request('https://api.example/', init))).rejects.toMatchObject({
      code: 'webhook_unreadable',
    })
    expect(sent).toBeLessThan(1_000_000)
  })
})

describe('the option "secret"', () => {
  it.for(['', 'whsec_', 'whsec_c2hvcnQ=', pair, publicKey.slice(0, -4), old.slice(6), []])(
    'is refused when it is %j',
    (secret, { expect }) => {
      expect(() => webhookReader({ secret })).toThrow(/^webhookReader: "secret" must be "whsec_…"/)
    },
  )
})

function twice({ headers, body }: Signed): RawWebhook {
  const signature = [headers['webhook-signature'] ?? '', '']
  return { headers: { ...headers, 'webhook-signature': signature }, body }
}

function rewritten(signed: Signed): RawWebhook {
  return { ...signed, body: JSON.stringify(EVENT, null, 1) }
}

const signedAs = (signed: Signed, version: string) =>
  withHeader(
    signed,
    'signature',
    (signed.headers['webhook-signature'] ?? '').replace('v1,', version),
  )

function cut(signed: Signed): RawWebhook {
  return withHeader(signed, 'signature', (signed.headers['webhook-signature'] ?? '').slice(0, -4))
}

function buried(signed: Signed): RawWebhook {
  const right = signed.headers['webhook-signature'] ?? ''
  const wrong = `v1,${Buffer.alloc(32).toString('base64')}`
  return withHeader(signed, 'signature', [...Array(8).fill(wrong), right].join(' '))
}
