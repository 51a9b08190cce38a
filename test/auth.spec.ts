import { randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { makeApiKey } from '../shared/domain/api-key.ts'
import type { Answer } from './support/http.ts'
import { waitedFor } from './support/trips.ts'
import { type Agent, type Endpoint, openWorld, type World } from './support/world.ts'

let world: World
let agent: Agent
let endpoint: Endpoint

beforeAll(async () => {
  world = await openWorld({ locations: ['lima', 'oslo'] })
  ;[agent, endpoint] = [await world.agent(), await world.endpoint()]
})
afterAll(() => world.close())

/** A key of right form and checksum that nobody registered. */
const unknownKey = (environment: 'test' | 'live' = 'test', kind: 'agent' | 'provider' = 'agent') =>
  makeApiKey({ kind, environment, random: randomBytes(96) })

/** Pays with other headers than the agent's key. */
const payWith = (headers: Record<string, string>, edge = 0) =>
  world.pay(agent, endpoint, { key: undefined, headers, edge })

const bearer = (key: string) => ({ authorization: `Bearer ${key}` })

const told = ({ status, body }: Answer) => [status, body.code]

/** An answer without what differs from one request to the next. */
const anonymous = ({ text, headers }: Answer) =>
  text.replaceAll(headers.get('x-request-id') ?? '', '')

describe('an API key', () => {
  it.for<[string, () => Record<string, string>]>([
    ['absent', () => ({})],
    ['mistyped', () => bearer(agent.apiKey.replace(/.$/, (it) => (it === 'A' ? 'B' : 'A')))],
    ['mistyped in its secret', () => bearer(agent.apiKey.replace(/_(.)([^_]*)$/, '_$1A$2'))],
    ['in lower case', () => bearer(agent.apiKey.toLowerCase())],
    ["a provider's", () => bearer(endpoint.provider.apiKey)],
    ['of the other environment', () => bearer(unknownKey('live'))],
    ['under another scheme', () => ({ authorization: `Basic ${agent.apiKey}` })],
    ['without a scheme', () => ({ authorization: agent.apiKey })],
    ['sent twice', () => bearer(`${agent.apiKey}, Bearer ${agent.apiKey}`)],
    ['contradicted', () => ({ ...bearer(agent.apiKey), 'x-api-key': unknownKey() })],
    [
      'contradicted by another scheme',
      () => ({ authorization: 'Basic YTpi', 'x-api-key': agent.apiKey }),
    ],
    ['a proof', () => bearer('a.b.c')],
  ])('%s is refused without a trip', async ([, headers], { expect }) => {
    const answer = await payWith(headers())

    expect(told(answer)).toEqual([401, 'key_invalid'])
    expect(answer.headers.get('www-authenticate')).toBe('Bearer')
    expect(answer.body.hint).toMatch(/pk_.*_test_|_test_/)
    expect(waitedFor(answer)).toEqual([])
    expect(answer.text).not.toContain(agent.apiKey)
  })

  it.for<[string, () => Record<string, string>]>([
    ['as a bearer token', () => bearer(agent.apiKey)],
    ['whatever the case of the scheme', () => ({ authorization: `bearer ${agent.apiKey}` })],
    ['as X-API-Key', () => ({ 'x-api-key': agent.apiKey })],
    ['as both', () => ({ ...bearer(agent.apiKey), 'x-api-key': agent.apiKey })],
  ])('is taken %s', async ([, headers], { expect }) => {
    expect((await payWith(headers())).status).toBe(200)
  })

  it('is refused at once when it was revoked or has expired, on a warm edge', async ({
    expect,
  }) => {
    const [revoked, expired] = [
      await world.key('agent', agent.id),
      await world.key('agent', agent.id),
    ]
    for (const key of [revoked, expired]) expect((await payWith(bearer(key))).status).toBe(200)

    await world.operate('revoke_x402_key', ['agent', revoked.slice(8, 24)])
    const { sql } = world.database
    const past = new Date(world.payos.clock.now() - 1000)
    await sql`update ledger.agent_keys set expires_at = ${past} where id = ${expired.slice(8, 24)}`

    for (const key of [revoked, expired]) {
      const [first, second] = [await payWith(bearer(key)), await payWith(bearer(key))]
      expect([told(first), told(second)]).toEqual(Array(2).fill([401, 'key_revoked']))
      expect(waitedFor(second)).toEqual([])
    }
  })

  it('with a known id and another secret is refused and locks nobody out', async ({ expect }) => {
    const forged = makeApiKey({ kind: 'agent', environment: 'test', random: randomBytes(96) })
    const body = `pk_test_${agent.apiKey.slice(8, 24)}_`
    const { sql } = world.database
    await sql`update ledger.agent_keys set id = ${forged.slice(8, 24)} where id = ${body.slice(8, 24)}`
    const guess = await payWith(bearer(forged))
    await sql`update ledger.agent_keys set id = ${body.slice(8, 24)} where id = ${forged.slice(8, 24)}`

    expect(told(guess)).toEqual([401, 'key_invalid'])
    expect((await payWith(bearer(agent.apiKey))).status).toBe(200)
  })
})

describe('a key the ledger does not know', () => {
  it('is refused for 10 seconds without asking again, and then asked anew', async ({ expect }) => {
    const key = unknownKey()
    const trips: string[][] = []
    for (const ms of [0, 1, 4000, 5000, 2000, 1]) {
      await world.advance(ms)
      const answer = await payWith(bearer(key))
      expect(told(answer)).toEqual([401, 'key_invalid'])
      trips.push(waitedFor(answer))
    }
    expect(trips).toEqual([['database'], [], [], [], ['database'], []])
  })

  it('looks like a known key that may not see the wallet to nobody', async ({ expect }) => {
    const random = randomUUID()
    const other = await world.agent()
    const known = { key: other.apiKey, body: { walletId: agent.walletId } }
    const theirs = await world.pay(other, endpoint, known)
    const none = await world.pay(other, endpoint, { ...known, body: { walletId: random } })

    expect(told(theirs)).toEqual([404, 'not_found'])
    expect(anonymous(theirs)).toBe(anonymous(none))
  })
})

describe('guessed keys', () => {
  /** Sends guesses from addresses, and counts the trips they cost. */
  async function guess(times: number, from: (at: number) => Record<string, string>) {
    const answers: Answer[] = []
    for (let at = 0; at < times; at++) {
      answers.push(await payWith({ ...bearer(unknownKey()), ...from(at) }))
    }
    return { trips: answers.flatMap(waitedFor).length, last: answers.at(-1) }
  }

  it.for<[string, (at: number) => Record<string, string>]>([
    ['one address', () => ({ 'cf-connecting-ip': '203.0.113.7' })],
    [
      'one address that names others',
      (at) => ({
        'cf-connecting-ip': '203.0.113.8',
        'x-forwarded-for': `198.51.100.${at}`,
        'x-real-ip': `198.51.100.${at}`,
        forwarded: `for=198.51.100.${at}`,
      }),
    ],
    ['one IPv6 network', (at) => ({ 'cf-connecting-ip': `2001:db8:1:2:${at}::${at}` })],
    ['one IPv6 network written short', (at) => ({ 'cf-connecting-ip': `2001:db8::${at}:5` })],
    [
      'an IPv4 address inside IPv6',
      (at) => ({ 'cf-connecting-ip': at % 2 ? '203.0.113.9' : '::ffff:203.0.113.9' }),
    ],
  ])('from %s cost a bounded number of trips a minute', async ([, from], { expect }) => {
    const { trips, last } = await guess(80, from)

    expect(trips).toBeLessThanOrEqual(62)
    expect([last?.status, last?.body.code]).toEqual([429, 'rate_limited'])
    expect(Number(last?.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(last && waitedFor(last)).toEqual([])
    await payWith(bearer(agent.apiKey))
    const known = await payWith({ ...bearer(agent.apiKey), ...from(0) })
    const elsewhere = await guess(1, () => ({ 'cf-connecting-ip': '2001:db8:ffff::1' }))
    expect([known.status, elsewhere.trips]).toEqual([200, 1])
  })

  it('asked while the ledger is away pass for known ones no more than others', async ({
    expect,
  }) => {
    const [key, from] = [unknownKey(), { 'cf-connecting-ip': '203.0.113.10' }]
    world.payos.postgrest.faults.add({ effect: { kind: 'status', status: 503 } })
    await payWith({ ...bearer(key), ...from })
    await guess(80, () => from)

    expect(told(await payWith({ ...bearer(key), ...from }))).toEqual([429, 'rate_limited'])
  })
})

describe('tenants', () => {
  it('learn nothing of each other by ids', async ({ expect }) => {
    const [other, rival] = [await world.agent(), await world.endpoint()]
    const { body: payment } = await world.pay(agent, endpoint)
    const byName = (walletId: string) => `?walletId=${walletId}&requestId=${payment.requestId}`
    const paths = [
      `/${payment.paymentId}`,
      `/${randomUUID()}`,
      byName(agent.walletId),
      byName(randomUUID()),
    ]

    for (const key of [other.apiKey, rival.provider.apiKey]) {
      const answers = await Promise.all(
        paths.map((path) => world.get(`/v1/x402/payments${path}`, { key })),
      )
      expect(answers.map(told)).toEqual(Array(4).fill([404, 'not_found']))
      expect(new Set(answers.map(anonymous)).size).toBe(1)
    }
    for (const key of [agent.apiKey, endpoint.provider.apiKey]) {
      const seen = await world.get(`/v1/x402/payments/${payment.paymentId}`, { key })
      expect([seen.status, seen.body.paymentId]).toEqual([200, payment.paymentId])
    }
  })

  it('are never mixed up when their requests interleave in one isolate', async ({ expect }) => {
    const agents = await Promise.all([world.agent(), world.agent(), world.agent()])
    world.payos.postgrest.faults.add({ times: 5, effect: { kind: 'delay', ms: 50 } })
    const rounds = Array.from({ length: 60 }, (_, at) => agents[at % 3] as Agent)

    const answers = await Promise.all(
      rounds.map(async (payer) => ({ payer, answer: await world.pay(payer, endpoint) })),
    )

    for (const { payer, answer } of answers) {
      const { walletId, proof } = answer.body
      const { sub } = JSON.parse(`${Buffer.from(proof.split('.')[1], 'base64url')}`)
      expect([answer.status, walletId, sub]).toEqual([200, payer.walletId, payer.id])
    }
  })
})
