import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { type Agent, type Endpoint, openWorld, type World } from './support/world.ts'

let world: World
let agent: Agent
let endpoint: Endpoint

beforeAll(async () => {
  world = await openWorld({ locations: ['lima', 'oslo'] })
  ;[agent, endpoint] = [await world.agent(), await world.endpoint()]
})
afterAll(() => world.close())

const scrape = (key: string | undefined = world.payos.secrets.metricsToken) =>
  world.get('/v1/metrics', { key })

/** Each series by its name and labels. */
async function series(): Promise<Map<string, number>> {
  const { text } = await scrape()
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]),
  )
}

/** Makes every edge hand over what it counted so far. */
async function handOver(): Promise<void> {
  await world.advance(6000)
  for (const edge of [0, 1]) await world.get('/health', { edge })
}

const requests = (route: string, code: string) =>
  `payos_requests_total{route="${route}",code="${code}"}`

/** A busy machine may take the store for broken, and leave it alone for five seconds. */
const soon = { timeout: 20_000, interval: 100 }

/** How much a series rose. What was counted arrives after the answer, so it is polled. */
async function risenBy(before: Map<string, number>, name: string): Promise<number> {
  return ((await series()).get(name) ?? 0) - (before.get(name) ?? 0)
}

describe('GET /v1/metrics', () => {
  it.for<[string, () => string | undefined]>([
    ['no token', () => ''],
    ['another token', () => randomUUID()],
    ["an agent's key", () => agent.apiKey],
    ['a part of the token', () => world.payos.secrets.metricsToken.slice(1)],
  ])('is refused to %s', async ([, key], { expect }) => {
    const answer = await scrape(key())
    expect([answer.status, answer.body.code]).toEqual([401, 'key_invalid'])
    expect(answer.text).not.toContain('payos_')
  })

  it('is text as Prometheus reads it', async ({ expect }) => {
    await world.pay(agent, endpoint)
    const { text, headers } = await scrape()

    expect(headers.get('content-type')).toBe('text/plain; version=0.0.4')
    expect(text.endsWith('\n')).toBe(true)
    const lines = text.trimEnd().split('\n')
    for (const line of lines) {
      expect(line).toMatch(
        /^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{([a-z]+="[^"\\\n]*",?)+\})? [\d.e+-]+)$/,
      )
    }
    const names = lines
      .filter((line) => line.startsWith('#'))
      .map((line) => line.split(' ', 3).join(' '))
    expect(new Set(names).size).toBe(names.length)
    const samples = lines.filter((line) => !line.startsWith('#')).map((line) => line.split(' ')[0])
    expect(new Set(samples).size).toBe(samples.length)
  })

  it('has every bucket of a histogram in order, rising to the count', async ({ expect }) => {
    const { text } = await scrape()
    const buckets = [...text.matchAll(/_bucket\{le="([^"]+)"\} (\d+)/g)]
    const bounds = buckets.map(([, bound]) => (bound === '+Inf' ? Infinity : Number(bound)))
    const counts = buckets.map(([, , count]) => Number(count))

    expect(bounds).toEqual([0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, Infinity])
    expect(counts).toEqual([...counts].sort((a, b) => a - b))
    const told = await series()
    expect(counts.at(-1)).toBeGreaterThan(0)
    expect(told.get('payos_pay_duration_seconds_count')).toBe(counts.at(-1))
    expect(told.get('payos_pay_duration_seconds_sum')).toBeGreaterThan(0)
  })

  it('adds up what all edges counted, by route and outcome', async ({ expect }) => {
    await handOver()
    const before = await series()
    const poor = await world.agent({ funds: '0' })
    for (const edge of [0, 1, 1]) await world.pay(agent, endpoint, { edge })
    for (const edge of [0, 1]) await world.pay(poor, endpoint, { edge })
    await world.verify({ proof: 'a.b.c' }, { edge: 1 })
    await handOver()

    await expect.poll(() => risenBy(before, requests('pay', 'ok')), soon).toBe(3)
    await expect.poll(() => risenBy(before, requests('pay', 'funds_insufficient')), soon).toBe(2)
    await expect.poll(() => risenBy(before, requests('verify', 'ok')), soon).toBe(1)
    await expect.poll(() => risenBy(before, 'payos_pay_duration_seconds_count'), soon).toBe(5)
    await expect
      .poll(() => risenBy(before, 'payos_pay_duration_seconds_bucket{le="+Inf"}'), soon)
      .toBe(5)
  })

  it('tells why leases, promises and proofs were refused', async ({ expect }) => {
    const refusals = (what: string, reason: string) =>
      `payos_refusals_total{what="${what}",reason="${reason}"}`
    const body = { settlement: 'async' }
    const lender = await world.agent()
    await world.operate('put_x402_settlement', [lender.walletId, 'async'])
    await handOver()
    const before = await series()
    await world.verify({ proof: 'a.b.c' })
    await world.pay(lender, endpoint, { body })
    await world.pay(agent, endpoint, { body })
    await handOver()

    await expect.poll(() => risenBy(before, refusals('proof', 'proof_malformed')), soon).toBe(1)
    await expect.poll(() => risenBy(before, refusals('promise', 'no_lease')), soon).toBe(2)
    await expect.poll(() => risenBy(before, refusals('lease', 'no_right')), soon).toBe(1)
  })

  it('tells hits and misses of each cache, and their ratio', async ({ expect }) => {
    const lookup = (tier: string, result: string) =>
      `payos_cache_lookups_total{tier="${tier}",result="${result}"}`
    await handOver()
    const before = await series()
    const fresh = await world.endpoint()
    for (const _ of [1, 2, 3]) await world.get(`/v1/x402/endpoints/${fresh.id}`)
    const requestId = randomUUID()
    await world.pay(agent, fresh, { requestId })
    await expect
      .poll(
        async () => (await world.pay(agent, fresh, { requestId })).headers.get('server-timing'),
        soon,
      )
      .toMatch(/^redis;[^,]*$/)
    await handOver()

    await expect.poll(() => risenBy(before, lookup('quote_isolate', 'hit')), soon).toBe(2)
    await expect.poll(() => risenBy(before, lookup('quote_isolate', 'miss')), soon).toBe(1)
    await expect.poll(() => risenBy(before, lookup('answer', 'hit')), soon).toBeGreaterThan(0)
    const ratio = (await series()).get('payos_cache_hit_ratio') ?? Number.NaN
    expect(ratio > 0 && ratio < 1).toBe(true)
  })

  it('counts as failed the payments that were not decided', async ({ expect }) => {
    await handOver()
    const before = await series()
    world.payos.postgrest.faults.add({ times: 2, effect: { kind: 'status', status: 500 } })
    for (const _ of [1, 2]) await world.pay(agent, endpoint)
    await world.pay(agent, endpoint, { body: { amount: '9' } })
    await handOver()

    await expect.poll(() => risenBy(before, requests('pay', 'outcome_unknown')), soon).toBe(2)
    await expect.poll(() => risenBy(before, requests('pay', 'price_changed')), soon).toBe(1)
    const told = await series()
    const paid = [...told].filter(([name]) => name.startsWith('payos_requests_total{route="pay"'))
    const all = paid.reduce((sum, [, count]) => sum + count, 0)
    const failed = told.get(requests('pay', 'outcome_unknown')) ?? 0
    expect(told.get('payos_settlement_success_ratio')).toBeCloseTo((all - failed) / all, 6)
  })

  it('does not take for a payment what is none', async ({ expect }) => {
    await handOver()
    const before = await series()
    await world.get('/v1/x402/pay')
    await world.post('/v1/x402/pay/again', {})
    await handOver()

    await expect.poll(() => risenBy(before, requests('other', 'method_not_allowed')), soon).toBe(1)
    expect(await risenBy(before, 'payos_pay_duration_seconds_count')).toBe(0)
  })

  it('has as many series after 1 000 made-up paths as before', async ({ expect }) => {
    for (const path of ['/', '/v1/x402/endpoints/a', '/v1/x402/payments/a/b']) await world.get(path)
    await handOver()
    const before = await series()
    const parts = ['"', '\\', '%0a', 'é', '{}', '/', '.php', '']
    const made = Array.from({ length: 1000 }, (_, at) => {
      const name = `${parts[at % parts.length]}${randomUUID()}`
      return ['', '/v1/', '/v1/x402/', '/v1/x402/endpoints/', '/v1/x402/pay/'][at % 5] + name
    })
    for (let at = 0; at < made.length; at += 50) {
      await Promise.all(
        made
          .slice(at, at + 50)
          .map((path) => world.get(`/${path}`.replace('//', '/'), { edge: at % 2 })),
      )
    }
    await handOver()

    await expect
      .poll(() => risenBy(before, requests('other', 'not_found')), soon)
      .toBeGreaterThan(600)
    const after = await series()
    expect([...after.keys()].filter((name) => !before.has(name))).toEqual([])
    expect(after.size).toBeLessThan(60)
  })

  it('shows nothing another hand put into the store', async ({ expect }) => {
    const key = 'payos:test:counters:edge'
    const strange = ['evil_total', 'payos_requests_total{route="a\nb"}', 'payos_requests_total_x']
    for (const name of strange) await world.payos.redis.command('HINCRBY', key, name, '1')

    const { text } = await scrape()

    expect(text).toContain('payos_requests_total{route="pay",code="ok"}')
    for (const name of strange) expect(text).not.toContain(name.split('\n')[0])
  })

  it('is 503 when the store does not answer', async ({ expect }) => {
    world.payos.redis.faults.add({ match: 'HGETALL', effect: { kind: 'status', status: 500 } })
    const answer = await scrape()
    expect([answer.status, answer.body.code]).toEqual([503, 'dependency_unavailable'])
    expect((await scrape()).status).toBe(200)
  })
})
