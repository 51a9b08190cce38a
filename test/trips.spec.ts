import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, it } from 'vitest'
import type { Answer } from './support/http.ts'
import { providerOf } from './support/provider.ts'
import { standardBody } from './support/standard.ts'
import { type Agent, type Endpoint, openWorld, type World } from './support/world.ts'

let world: World
let agent: Agent
let endpoint: Endpoint
let proof: string
let paymentId: string
let provider: ReturnType<typeof providerOf>
/** Held payments that nobody has settled, each for one call. */
let held: { paymentId: string; requestId: string; proof: string }[]

beforeAll(async () => {
  world = await openWorld()
  agent = await world.agent({ signs: true })
  endpoint = await world.endpoint()
  const paid = await world.pay(agent, endpoint)
  proof = paid.body.proof
  paymentId = paid.body.paymentId
  provider = providerOf(world, endpoint)
  const holds = Array.from({ length: 4 }, () => provider.held(agent))
  held = (await Promise.all(holds)).map(({ body }) => body)
})
afterAll(() => world.close())

/** The trips an answer waited for, as the edge itself tells in a test environment. */
const waitedFor = (answer: Answer): string[] =>
  (answer.headers.get('server-timing') ?? '')
    .split(', ')
    .flatMap((entry) => entry.match(/^\w+/) ?? [])

type Route = [name: string, trips: string[], ask: () => Promise<Answer>]

const providerKey = () => endpoint.provider.apiKey

const nextHold = () => held.pop() ?? { paymentId: '', requestId: '', proof: '' }

const standard = (presented = { proof, requestId: '' }) =>
  standardBody(
    { ...presented, endpoint },
    { payload: { requestId: presented.requestId || undefined } },
  )

const routes: Route[] = [
  ['POST /pay', ['database'], () => world.pay(agent, endpoint)],
  [
    'POST /pay, refused by the ledger',
    ['database'],
    () => world.pay(agent, { ...endpoint, price: '1' }),
  ],
  ['POST /pay, malformed', [], () => world.pay(agent, endpoint, { body: { amount: '-1' } })],
  [
    'POST /pay, bad checksum',
    [],
    () => world.pay({ ...agent, apiKey: `${agent.apiKey}x` }, endpoint),
  ],
  ['POST /verify, anyone', [], () => world.verify({ proof })],
  [
    'POST /verify, provider',
    ['database'],
    () => world.verify({ proof, endpointId: endpoint.id }, { key: providerKey() }),
  ],
  [
    'POST /verify, claim',
    ['database'],
    () =>
      world.verify(
        { proof, endpointId: endpoint.id, consume: true, attemptId: 'a' },
        { key: providerKey() },
      ),
  ],
  ['POST /verify, x402, anyone', [], () => world.verify(standard())],
  [
    'POST /verify, x402, provider',
    ['database'],
    () => world.verify(standard(), { key: providerKey() }),
  ],
  ['POST /pay, manual', ['database'], () => provider.held(agent)],
  [
    'POST /settle',
    ['database'],
    () => provider.settle({ paymentId: nextHold().paymentId, amount: '0.0005' }),
  ],
  ['POST /settle, x402', ['database'], () => provider.settle(standard(nextHold()))],
  [
    'POST /refund',
    ['database'],
    () => provider.refund({ paymentId, refundId: randomUUID(), amount: '0.000001' }),
  ],
  ['GET /supported', [], () => world.get('/v1/x402/supported')],
  ['GET /discovery/resources', ['database'], () => world.get('/v1/x402/discovery/resources')],
  [
    'GET /payments/{id}',
    ['database'],
    () => world.get(`/v1/x402/payments/${paymentId}`, { key: agent.apiKey }),
  ],
  ['GET /.well-known/jwks.json', [], () => world.get('/.well-known/jwks.json')],
  ['GET /health', [], () => world.get('/health')],
  ['GET /ready', ['database'], () => world.get('/ready')],
  ['GET /problems', [], () => world.get('/problems')],
  [
    'GET /v1/metrics',
    ['redis'],
    () => world.get('/v1/metrics', { key: world.payos.secrets.metricsToken }),
  ],
]

describe('the backend trips an answer waits for', () => {
  it.for(routes)('%s, warm: %j', async ([, trips, ask], { expect }) => {
    expect(waitedFor(await ask())).toEqual(trips)
  })

  it.for(routes)(
    '%s, on a cold isolate with empty caches: %j',
    async ([, trips, ask], { expect }) => {
      await world.payos.edges.restart()
      await world.payos.redis.reset()

      const answer = await ask()

      expect(waitedFor(answer)).toEqual(trips)
      expect(world.tripsOf(answer).filter((backend) => backend === 'database')).toHaveLength(
        trips.filter((backend) => backend === 'database').length,
      )
    },
  )

  it('one to Redis for a repeat this isolate has seen', async ({ expect }) => {
    const { again } = await world.payTwice(agent, endpoint)

    expect(waitedFor(again)).toEqual(['redis'])
  })

  it('one to the ledger for a repeat on a cold isolate', async ({ expect }) => {
    const requestId = randomUUID()
    await world.pay(agent, endpoint, { requestId })
    await world.payos.edges.restart()

    const again = await world.pay(agent, endpoint, { requestId })

    expect([again.body.replayed, waitedFor(again)]).toEqual([true, ['database']])
  })

  it('none for a quote this isolate has read', async ({ expect }) => {
    const path = `/v1/x402/endpoints/${endpoint.id}`
    await world.payos.edges.restart()
    await world.payos.redis.reset()

    const first = await world.get(path)
    const second = await world.get(path)

    expect(waitedFor(first)).toEqual(['redis', 'database'])
    expect(waitedFor(second)).toEqual([])
  })
})
