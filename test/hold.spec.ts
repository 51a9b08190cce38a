import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from 'vitest'
import { proofKeyOf, takeApart } from './support/proof-forge.ts'
import { providerOf } from './support/provider.ts'
import { waitedFor } from './support/trips.ts'
import { type Agent, type Endpoint, openWorld, type World } from './support/world.ts'

const FUNDS = 1_000_000_000

let world: World
let agent: Agent
let endpoint: Endpoint
let provider: ReturnType<typeof providerOf>
let held: { paymentId: string; requestId: string; proof: string }

beforeAll(async () => {
  world = await openWorld({ locations: ['lima', 'oslo'] })
  endpoint = await world.endpoint({ price: '10000' })
  provider = providerOf(world, endpoint)
})
beforeEach(async () => {
  agent = await world.agent({ funds: String(FUNDS) })
  held = (await provider.held(agent)).body
})
afterEach(async ({ expect }) => {
  expect(await world.imbalances()).toEqual([])
})
afterAll(() => world.close())

const capture = (amount: string) => provider.settle({ paymentId: held.paymentId, amount })

const balance = async () => Number(await world.balanceOf(agent)) - FUNDS

describe('a payment with manual capture', () => {
  it('is held: out of the wallet, not yet with the provider', async ({ expect }) => {
    const answer = await provider.held(agent)

    expect(answer.body).toMatchObject({ status: 'held', amount: '0.01', replayed: false })
    expect(await balance()).toBe(-20_000)
    const { claims } = takeApart(answer.body.proof, proofKeyOf(world))
    expect(claims).toMatchObject({ st: 'held', jti: answer.body.paymentId })
    const until = new Date(Number(claims['holdExp']) * 1000).toISOString().replace('.000', '')
    expect(until).toBe(answer.body.holdExpiresAt)
    expect(Number(claims['holdExp']) - Number(claims['iat'])).toBeGreaterThanOrEqual(86_399)
    expect(waitedFor(answer)).toEqual(['database'])
  })

  it('is told with its hold and where its amount is', async ({ expect }) => {
    const { body } = await provider.payment(held.paymentId)

    expect(body).toMatchObject({ status: 'held', captured: '0', released: '0', refunded: '0' })
    expect(body.timeline).toEqual([{ status: 'held', at: expect.any(String), amount: '0.01' }])
    expect(Date.parse(body.holdExpiresAt) - Date.parse(body.timeline[0].at)).toBe(86_400_000)
  })

  it('is verified and claimed like any other', async ({ expect }) => {
    const ask = { proof: held.proof, endpointId: endpoint.id, consume: true, attemptId: 'a' }
    const { body } = await world.verify(ask, { key: endpoint.provider.apiKey })
    expect([body.valid, body.payment.status]).toEqual([true, 'held'])
  })
})

describe('a hold whose time is over', () => {
  const END = 86_400_000

  it('is captured a moment before', async ({ expect }) => {
    await world.advance(END - 30_000)
    expect((await capture('0.01')).body.success).toBe(true)
  })

  it('is refused and told as expired, before and after it is swept', async ({ expect }) => {
    await world.advance(END + 1_000)

    const late = await capture('0.01')
    const before = await provider.payment(held.paymentId)
    await world.payos.edges.edges[0]?.dispatchScheduled('* * * * *')
    const after = await provider.payment(held.paymentId)

    expect(late.body).toEqual({
      success: false,
      reason: 'hold_expired',
      detail: expect.any(String),
    })
    expect(before.body).toMatchObject({ status: 'expired', released: '0.01', captured: '0' })
    expect(after.text).toBe(before.text)
    expect(after.body.timeline.at(-1)).toEqual({
      status: 'expired',
      at: after.body.holdExpiresAt,
      amount: '0.01',
    })
    expect(await balance()).toBe(0)
  })

  it('has no proof that outlives it', async ({ expect }) => {
    const brief = await world.endpoint()
    await world.operate('put_x402_endpoint_terms', [brief.id, '60', 'false'])
    const options = { requestId: randomUUID() }
    const answer = await providerOf(world, brief).held(agent, options)
    const { claims } = takeApart(answer.body.proof, proofKeyOf(world))
    expect(claims['exp']).toBe(claims['holdExp'])
    await world.advance(61_000)

    const again = await providerOf(world, brief).held(agent, options)

    expect(again.body).toMatchObject({ status: 'expired', replayed: true, proof: null })
  })
})

describe('beside a lease', () => {
  const async = { body: { settlement: 'async' } }

  beforeEach(async () => {
    await world.operate('put_x402_settlement', [agent.walletId, 'async'])
    while ((await world.pay(agent, endpoint, async)).body.status !== 'held');
  })

  it('is held by the ledger all the same', async ({ expect }) => {
    const answer = await provider.held(agent, async)

    const { claims } = takeApart(answer.body.proof, proofKeyOf(world))
    expect(waitedFor(answer)).toEqual(['database'])
    expect([claims['lse'], typeof claims['holdExp']]).toEqual([undefined, 'number'])
  })

  it('settles a promise whole, before anyone drained it', async ({ expect }) => {
    const { proof, paymentId } = (await world.pay(agent, endpoint, async)).body

    const part = await provider.settle({ proof, amount: '0.005' })
    const whole = await provider.settle({ proof, amount: '0.01' })

    expect(part.body.reason).toBe('settle_conflict')
    expect(whole.body).toMatchObject({ success: true, paymentId, status: 'settled' })
  })
})
