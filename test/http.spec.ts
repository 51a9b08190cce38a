import { randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { hashApiKey, makeApiKey } from '../shared/domain/api-key.ts'
import { expectProblem } from './support/problems.ts'
import { sendRaw } from './support/raw.ts'
import { waitedFor } from './support/trips.ts'
import { type Agent, type Endpoint, openWorld, type World } from './support/world.ts'

let world: World
let agent: Agent
let endpoint: Endpoint

beforeAll(async () => {
  world = await openWorld()
  ;[agent, endpoint] = [await world.agent(), await world.endpoint()]
})
afterAll(() => world.close())

const routes: [string, () => string, string][] = [
  ['pay', () => '/v1/x402/pay', 'POST'],
  ['verify', () => '/v1/x402/verify', 'POST'],
  ['payments', () => '/v1/x402/payments', 'GET, HEAD'],
  ['a payment', () => `/v1/x402/payments/${randomUUID()}`, 'GET, HEAD'],
  ['an endpoint', () => `/v1/x402/endpoints/${endpoint.id}`, 'GET, HEAD'],
  ['the keys', () => '/.well-known/jwks.json', 'GET, HEAD'],
  ['metrics', () => '/v1/metrics', 'GET, HEAD'],
  ['health', () => '/health', 'GET, HEAD'],
  ['ready', () => '/ready', 'GET, HEAD'],
  ['problems', () => '/problems', 'GET, HEAD'],
]

describe.for(routes)('%s', ([, path, allow]) => {
  const others = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND']

  it.for(others.filter((method) => !allow.split(', ').includes(method)))(
    'answers %s with the methods it takes',
    async (method, { expect }) => {
      const answer = await sendRaw(world, path(), { method })
      expect([answer.status, answer.headers.get('allow')]).toEqual([405, allow])
      if (method === 'HEAD') return
      expectProblem(expect, answer)
      expect(answer.body.code).toBe('method_not_allowed')
    },
  )

  it('is nowhere else: with a slash, under another version, in capitals', async ({ expect }) => {
    for (const other of [`${path()}/`, `/v9${path()}`, path().toUpperCase(), `/${path()}`]) {
      const answer = await sendRaw(world, other, {
        method: allow.slice(0, 4).trim().replace(',', ''),
      })
      expectProblem(expect, answer)
      expect([answer.status, answer.body.code]).toEqual([404, 'not_found'])
    }
  })

  it('has an id of its own for each request', async ({ expect }) => {
    const [first, second] = [await world.get(path()), await world.get(path())]
    const ids = [first, second].map(({ headers }) => headers.get('x-request-id'))
    expect(ids[0]).toMatch(/^[\w-]{16,64}$/)
    expect(ids[0]).not.toBe(ids[1])
    expect(first.headers.get('x-content-type-options')).toBe('nosniff')
  })

  it('answers HEAD as GET, without a body', async ({ expect }) => {
    const headers = { authorization: `Bearer ${world.payos.secrets.metricsToken}` }
    const get = await sendRaw(world, path(), { method: 'GET', headers })
    const head = await sendRaw(world, path(), { method: 'HEAD', headers })
    expect([head.status, head.text]).toEqual([get.status, ''])
    expect(head.headers.get('content-type')).toBe(get.headers.get('content-type'))
  })
})

describe('an answer', () => {
  it('about money is kept by nobody', async ({ expect }) => {
    const key = agent.apiKey
    const paid = await world.pay(agent, endpoint)
    const answers = [
      paid,
      await world.verify({ proof: paid.body.proof }),
      await world.get(`/v1/x402/payments/${paid.body.paymentId}`, { key }),
      await world.get(`/v1/x402/endpoints/${endpoint.id}`),
      await world.pay(agent, endpoint, { body: { amount: '9' } }),
      await world.get('/v1/metrics', { key: world.payos.secrets.metricsToken }),
    ]
    const kept = answers.map(({ headers }) => headers.get('cache-control'))
    expect(kept).toEqual(Array(6).fill('no-store'))
  })

  it('names each trip it waited for, with its time', async ({ expect }) => {
    const paid = await world.pay(agent, endpoint)
    expect(paid.headers.get('server-timing')).toMatch(/^database;dur=\d+\.\d$/)
    expect(world.tripsOf(paid).filter((it) => it === 'database')).toEqual(waitedFor(paid))
    expect((await world.get('/health')).headers.has('server-timing')).toBe(false)
  })

  it('says of a payment what became of it, to both it concerns', async ({ expect }) => {
    const { body: paid } = await world.pay(agent, endpoint)
    const byName = `?walletId=${agent.walletId}&requestId=${paid.requestId}`

    for (const path of [`/${paid.paymentId}`, byName]) {
      for (const key of path === byName
        ? [agent.apiKey]
        : [agent.apiKey, endpoint.provider.apiKey]) {
        const answer = await world.get(`/v1/x402/payments${path}`, { key })
        expect(answer.body).toEqual({
          paymentId: paid.paymentId,
          transferId: paid.paymentId,
          requestId: paid.requestId,
          endpointId: endpoint.id,
          agentId: agent.id,
          walletId: agent.walletId,
          providerId: endpoint.provider.id,
          amount: '0.001',
          currency: 'USDC',
          status: 'settled',
          priceVersion: 1,
          conflict: false,
          captured: '0.001',
          released: '0',
          refunded: '0',
          redeemableUntil: expect.stringMatching(/Z$/),
          timeline: [{ status: 'settled', at: expect.stringMatching(/Z$/), amount: '0.001' }],
        })
      }
    }
  })

  it.for([
    ['?requestId=a', 'walletId'],
    ['?walletId=x&requestId=a', 'walletId'],
    [`?walletId=${randomUUID()}`, 'requestId'],
    [`?walletId=${randomUUID()}&requestId=a%20b`, 'requestId'],
    ['', 'walletId'],
  ] as const)('on a payment by "%s" names %s', async ([query, param], { expect }) => {
    const answer = await world.get(`/v1/x402/payments${query}`, { key: agent.apiKey })
    expectProblem(expect, answer)
    expect([answer.status, answer.body.param]).toEqual([400, param])
  })

  it('does not believe what a request says of where it goes', async ({ expect }) => {
    const paths = [`/v1/x402/endpoints/${endpoint.id}`, '/.well-known/jwks.json', '/problems']
    const lies = {
      'x-forwarded-host': 'evil.example',
      'x-forwarded-proto': 'gopher',
      'x-original-url': '/health',
      forwarded: 'host=evil.example',
    }
    for (const path of paths) {
      const [plain, lied] = [
        await world.get(path),
        await world.get(`${path}?cb=1`, { headers: lies }),
      ]
      expect(lied.text).toBe(plain.text)
    }
    expect((await world.get(paths[0] ?? '')).body.requirement.extra.issuer).toBe(world.payos.issuer)
  })

  it('of an unknown endpoint looks like that of no id', async ({ expect }) => {
    for (const id of [randomUUID(), 'weather', '%00', '..%2fpay', endpoint.id.toUpperCase()]) {
      const answer = await world.get(`/v1/x402/endpoints/${id}`)
      expectProblem(expect, answer)
      expect(answer.status).toBe(404)
    }
  })

  it('of health names no host and no version, and is 503 when no payment can be made', async ({
    expect,
  }) => {
    const [health, ready] = [await world.get('/health'), await world.get('/ready')]
    expect([health.text, ready.text]).toEqual(['{"status":"ok"}', '{"status":"ready"}'])

    world.payos.postgrest.faults.add({ effect: { kind: 'status', status: 503 } })
    const away = await world.get('/ready')
    expect([away.status, away.text]).toEqual([503, '{"status":"not_ready"}'])
    expect(away.headers.get('retry-after')).toBe('1')
  })
})

describe('the live environment', () => {
  it('tells no timings, signs for its own network and takes no test key', async ({ expect }) => {
    await world.payos.edges.setBindings({ ENVIRONMENT: 'live' })
    const key = makeApiKey({ kind: 'agent', environment: 'live', random: randomBytes(96) })
    const id = key.slice(8, 24)
    await world.operate('put_x402_key', ['agent', id, agent.id, await hashApiKey(key)])

    const paid = await world.pay(agent, endpoint, { key })
    const tested = await world.pay(agent, endpoint)

    expect(paid.status).toBe(200)
    expect(paid.headers.has('server-timing')).toBe(false)
    const { network } = JSON.parse(`${Buffer.from(paid.body.proof.split('.')[1], 'base64url')}`)
    expect(network).toBe('payos:main')
    expect([tested.status, tested.body.code]).toEqual([401, 'key_invalid'])
    const loopback = { resource: 'http://127.0.0.1/weather' }
    const refused = await world.pay(agent, endpoint, { key, body: loopback })
    expect([refused.status, refused.body.param]).toEqual([400, 'resource'])
  })
})
