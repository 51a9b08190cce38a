import { createHmac, generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, it } from 'vitest'
import {
  ed25519SecretOf,
  hmacSecretOf,
  signWebhook,
  verifierOf,
} from '../shared/domain/webhook-signature.ts'
import { openWebhookWorld, type WebhookWorld } from './support/webhooks.ts'
import { openWorld } from './support/world.ts'

const page = readFileSync(new URL('../docs/webhooks.md', import.meta.url), 'utf8')

const block = (mark: string) =>
  new RegExp(`^\`\`\`${mark}\\n(.*?)^\`\`\``, 'ms').exec(page)?.[1] ?? ''

type Headers = Record<string, string>
type Request = { headers: Headers; body: string }
type Read = (request: Request, secret: string, nowMs?: number) => object | undefined

const module = `data:text/javascript,${encodeURIComponent(block('js verify'))}`
const { readWebhook } = (await import(module)) as { readWebhook: Read }

const NOW = 1_795_176_000
const pair = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' })
const hmac = hmacSecretOf(new Uint8Array(32).fill(7))
const ed25519 = ed25519SecretOf({ d: pair.d ?? '', x: pair.x ?? '' })
const publicKey = verifierOf(ed25519) ?? ''

const ID = 'aa9c6795-3cf9-883e-87d9-4479924b03c6'
const BODY = '{"type":"payment.settled","data":{"amount":"0.001"}}'

async function headersBy(secrets: string[], timestamp = NOW): Promise<Headers> {
  const message = { id: ID, timestamp, body: BODY }
  return {
    'webhook-id': ID,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': await signWebhook(message, secrets),
  }
}

const read = (headers: Headers, body = BODY, secret = hmac) =>
  readWebhook({ headers, body }, secret, NOW * 1_000)

let hooks: WebhookWorld

beforeAll(async () => {
  hooks = await openWebhookWorld(await openWorld())
})
afterAll(() => hooks.close())

describe('the verifier of docs/webhooks.md', () => {
  it('reads what is signed by the secret, by either of two, and by the key pair', async ({
    expect,
  }) => {
    const event = { id: ID, type: 'payment.settled', data: { amount: '0.001' } }
    const other = hmacSecretOf(new Uint8Array(32).fill(8))

    expect(read(await headersBy([hmac]))).toEqual(event)
    expect(read(await headersBy([other, hmac]))).toEqual(event)
    expect(read(await headersBy([hmac, ed25519]), BODY, publicKey)).toEqual(event)
  })

  it.for<[string, (headers: Headers) => object | undefined]>([
    ['no signature', ({ 'webhook-signature': _, ...rest }) => read(rest)],
    ['an empty signature', (headers) => read({ ...headers, 'webhook-signature': '' })],
    ['a signature cut short', (headers) => read(cut(headers))],
    ['another version', (headers) => read(changed(headers, 'v1,', 'v2,'))],
    ['the version of the other scheme', (headers) => read(changed(headers, 'v1,', 'v1a,'))],
    ['another secret', (headers) => read(headers, BODY, hmacSecretOf(new Uint8Array(32)))],
    ['the public key as the secret', (headers) => read(headers, BODY, publicKey)],
    ['another id', (headers) => read({ ...headers, 'webhook-id': 'another' })],
    ['no id', ({ 'webhook-id': _, ...rest }) => read(rest)],
    ['another time', (headers) => read({ ...headers, 'webhook-timestamp': `${NOW + 1}` })],
    ['a time that is none', (headers) => read({ ...headers, 'webhook-timestamp': 'now' })],
    ['no time', ({ 'webhook-timestamp': _, ...rest }) => read(rest)],
    ['a body written anew', (headers) => read(headers, JSON.stringify(JSON.parse(BODY), null, 1))],
    ['another body', (headers) => read(headers, BODY.replace('0.001', '1000'))],
  ])('refuses %s', async ([, forged], { expect }) => {
    expect(forged(await headersBy([hmac]))).toBeUndefined()
  })

  it.for([-301, 301])('refuses what is %d seconds from now', async (seconds, { expect }) => {
    expect(read(await headersBy([hmac], NOW + seconds))).toBeUndefined()
  })

  it('is not told by one who knows the public key alone', async ({ expect }) => {
    const key = Buffer.from(publicKey.slice('whpk_'.length), 'base64')
    const mac = createHmac('sha256', key).update(`${ID}.${NOW}.${BODY}`).digest('base64')
    const headers = await headersBy([hmac])
    for (const version of ['v1', 'v1a']) {
      const forged = { ...headers, 'webhook-signature': `${version},${mac}` }
      expect(read(forged, BODY, publicKey)).toBeUndefined()
    }
  })
})

describe('docs/webhooks.md', () => {
  it('shows the event that is sent, and its verifier reads it', async ({ expect }) => {
    const told = await hooks.told()
    await hooks.pay(told)
    await hooks.tick()
    const [received] = told.received()
    const body = received?.body.toString() ?? ''
    const shown = JSON.parse(block('json event'))
    const now = hooks.world.payos.clock.now()

    const event = readWebhook({ headers: received?.headers ?? {}, body }, told.secret, now)

    expect(event).toMatchObject({ id: received?.headers['webhook-id'], type: shown.type })
    const sent = JSON.parse(body)
    expect(Object.keys(sent)).toEqual(Object.keys(shown))
    expect(Object.keys(sent.data)).toEqual(Object.keys(shown.data))
  })

  it('publishes the schedule the ledger keeps', async ({ expect }) => {
    const [, row = ''] = /^\| after \|(.*)\|$/m.exec(page) ?? []
    const units: Record<string, string> = { min: 'minutes', h: 'hours' }
    const published = row.split('|').map((cell) => {
      const [count, unit = ''] = cell.trim().split(' ')
      return `${count} ${units[unit]}`
    })

    const rows = await hooks.world.database.sql`
      select ledger.attempt_delay(p.n::integer) = p.pause::interval as same,
        ledger.attempt_delay(10) is null as ends
      from unnest(${published}::text[]) with ordinality as p (pause, n)`

    expect(rows).toHaveLength(9)
    expect(rows.filter(({ same, ends }) => !same || !ends)).toEqual([])
  })

  it('names each kind of event the ledger can write', async ({ expect }) => {
    const named = [...page.matchAll(/^\| `((?:payment|lease)\.\w+)` \|/gm)].map(([, kind]) => kind)
    const rows = await hooks.world.database.sql`
      select pg_get_constraintdef(oid) as text from pg_constraint where conname = 'events_kind_check'`

    const kinds = [...String(rows[0]?.['text']).matchAll(/'([\w.]+)'/g)].map(([, kind]) => kind)
    expect(named).toEqual(kinds)
  })
})

const changed = (headers: Headers, from: string, to: string) => ({
  ...headers,
  'webhook-signature': headers['webhook-signature']?.replace(from, to) ?? '',
})
const cut = (headers: Headers) => ({
  ...headers,
  'webhook-signature': headers['webhook-signature']?.slice(0, -8) ?? '',
})
