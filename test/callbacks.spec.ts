import { createHash, randomUUID } from 'node:crypto'
import { SignJWT, UnsecuredJWT } from 'jose'
import { afterAll, beforeAll, describe, it } from 'vitest'
import type { Answer } from './support/http.ts'
import { openWebhookWorld, type Told, type WebhookWorld } from './support/webhooks.ts'
import { openWorld, type World } from './support/world.ts'

const PATH = '/internal/webhooks'
const KEYS = { current: 'sig_current_key_of_this_spec', next: 'sig_next_key_of_this_spec' }

/** Printed in the vendor's public package. */
const PUBLIC_KEY = 'sig_7kYjw48mhY7kAjqNGcy6cr29RJ6r'

let world: World
let hooks: WebhookWorld
let told: Told

beforeAll(async () => {
  world = await openWorld({
    bindings: {
      QSTASH_CURRENT_SIGNING_KEY: KEYS.current,
      QSTASH_NEXT_SIGNING_KEY: KEYS.next,
    },
  })
  hooks = await openWebhookWorld(world)
  told = await hooks.told()
  await hooks.pay(told)
})
afterAll(() => hooks.close())

type Forgery = {
  key?: string
  claims?: Record<string, unknown>
  header?: Record<string, unknown>
  /** What was signed, when it is not what is sent. */
  signedBody?: string
  seconds?: number
}

const digestOf = (body: string) => `${createHash('sha256').update(body).digest('base64url')}=`

/** The claims QStash makes; `undefined` leaves one out. */
function claimsOf(body: string, { claims, seconds = 0 }: Forgery): Record<string, unknown> {
  const iat = Math.floor(world.payos.clock.now() / 1000) + seconds
  const all = {
    iss: 'Upstash',
    sub: world.payos.issuer + PATH,
    iat,
    nbf: iat,
    exp: iat + 300,
    jti: `jwt_${randomUUID()}`,
    body: digestOf(body),
    ...claims,
  }
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
}

const sign = (body: string, forgery: Forgery = {}) =>
  new SignJWT(claimsOf(forgery.signedBody ?? body, forgery))
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT', ...forgery.header })
    .sign(new TextEncoder().encode(forgery.key ?? KEYS.current))

const send = (body: string, signature?: string): Promise<Answer> =>
  world.post(PATH, body, {
    headers: signature === undefined ? {} : { 'upstash-signature': signature },
  })

/** A callback that would deliver the waiting event if it were let in. */
async function theCallback(): Promise<string> {
  const [event] = await hooks.events(told)
  return JSON.stringify({ eventId: event?.id, attempt: event?.attempt })
}

const other = (path: string) => ({ claims: { sub: world.payos.issuer + path } })

const forgeries: [string, () => Forgery][] = [
  ['another key', () => ({ key: 'sig_another_key_altogether' })],
  ['the key everybody knows', () => ({ key: PUBLIC_KEY })],
  ['an empty issuer', () => ({ claims: { iss: '' } })],
  ['another issuer', () => ({ claims: { iss: 'upstash' } })],
  ['no issuer', () => ({ claims: { iss: undefined } })],
  ['another route of ours', () => other('/internal/settlements')],
  ['our route with a slash', () => other(`${PATH}/`)],
  ['our route with a query', () => other(`${PATH}?shard=1`)],
  ['our route by another name', () => ({ claims: { sub: `https://other.example${PATH}` } })],
  ['the address of a provider', () => ({ claims: { sub: told.url } })],
  ['no address', () => ({ claims: { sub: undefined } })],
  ['another body', () => ({ signedBody: '{"outbox":1}' })],
  ['no body', () => ({ claims: { body: undefined } })],
  ['an empty hash', () => ({ claims: { body: '' } })],
  ['a time six seconds past its end', () => ({ seconds: -306 })],
  ['a time that has not come', () => ({ seconds: 10 })],
  ['a start that has not come', () => ({ claims: { nbf: 9_999_999_999 } })],
  ['no end', () => ({ claims: { exp: undefined } })],
  ['an end that never comes, made long ago', () => ({ seconds: -400, claims: { exp: 9e9 } })],
  ['no start', () => ({ claims: { nbf: undefined } })],
  ['no time', () => ({ claims: { iat: undefined } })],
  ['no id', () => ({ claims: { jti: undefined } })],
  ['another algorithm', () => ({ key: KEYS.current.repeat(4), header: { alg: 'HS512' } })],
]

const texts: [string, (signed: string, body: string) => string | undefined][] = [
  ['no signature', () => undefined],
  ['an empty signature', () => ''],
  ['a signature that is none', () => 'a.b.c'],
  ['an unsecured token', (_, body) => new UnsecuredJWT(claimsOf(body, {})).encode()],
  ['a signature cut short', (signed) => signed.slice(0, -4)],
  ['two signatures', (signed) => `${signed}, ${signed}`],
  ['a signature without end', (signed) => signed + 'A'.repeat(4_000)],
]

const told401 = (answer: Answer) => [
  answer.status,
  answer.body.code,
  answer.body.detail,
  world.tripsOf(answer),
]
const refused = [401, 'signature_invalid', 'This route takes callbacks of QStash only.', []]

describe('a callback', () => {
  it.for(forgeries)('with %s is refused before any work', async ([, forge], { expect }) => {
    const body = await theCallback()

    const answer = await send(body, await sign(body, forge()))

    expect(told401(answer)).toEqual(refused)
  })

  it.for(texts)('with %s is refused before any work', async ([, textOf], { expect }) => {
    const body = await theCallback()

    const answer = await send(body, textOf(await sign(body), body))

    expect(told401(answer)).toEqual(refused)
  })

  it('that is too long to be one is refused, whoever signed it', async ({ expect }) => {
    const body = JSON.stringify({ outbox: 1, padding: 'x'.repeat(70_000) })

    expect(told401(await send(body, await sign(body)))).toEqual(refused)
  })

  it('of the wrong method is refused', async ({ expect }) => {
    const answer = await world.get(PATH)

    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'POST'])
  })

  it('by no forgery delivered the event', async ({ expect }) => {
    expect(told.received()).toEqual([])
    expect(await hooks.events(told)).toMatchObject([{ state: 'pending', attempt: 1 }])
  })

  it('is taken by the current key, once, and its repeat by nobody', async ({ expect }) => {
    const body = await theCallback()
    const signature = await sign(body)

    const first = await send(body, signature)
    const repeat = await send(body, signature)

    expect([first.status, first.body]).toEqual([200, { outcome: 'delivered', answer: '204' }])
    expect(told401(repeat)).toEqual(refused)
    expect(told.received()).toHaveLength(1)
  })

  it.for([
    ['by the next key', {}],
    ['whose time is four seconds past its end', { seconds: -304 }],
    ['whose time has come for us in four seconds', { seconds: 4 }],
    [
      'that was signed without padding',
      { claims: { body: digestOf('{"outbox":7}').slice(0, -1) } },
    ],
  ] as const)('%s is taken', async ([, forgery], { expect }) => {
    const body = '{"outbox":7}'

    const answer = await send(body, await sign(body, { key: KEYS.next, ...forgery }))

    expect([answer.status, answer.body]).toEqual([200, { sent: 0 }])
  })

  it('for an attempt that is over changes nothing, however late it comes', async ({ expect }) => {
    const [event] = await hooks.events(told)
    await world.advance(3 * 86_400_000)

    for (const attempt of [1, 2, 0]) {
      const body = JSON.stringify({ eventId: event?.id, attempt })
      const answer = await send(body, await sign(body))
      expect([answer.status, answer.body]).toEqual([200, { outcome: 'over' }])
    }
    expect(told.received()).toHaveLength(1)
  })

  it('for an event nobody knows changes nothing', async ({ expect }) => {
    const body = JSON.stringify({ eventId: randomUUID(), attempt: 1 })

    const answer = await send(body, await sign(body))

    expect([answer.status, answer.body]).toEqual([200, { outcome: 'over' }])
  })

  it.for([
    '{}',
    '[]',
    'null',
    'no json',
    '',
    '{"eventId":"1","attempt":1}',
    '{"outbox":1,"outbox":2}',
    '{"outbox":1,"more":2}',
  ])('with a body nobody reads is put aside, not repeated: %s', async (body, { expect }) => {
    const answer = await send(body, await sign(body))

    expect([answer.status, answer.headers.get('upstash-nonretryable-error')]).toEqual([489, 'true'])
    expect(world.tripsOf(answer)).toEqual([])
  })
})
