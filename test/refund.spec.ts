import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from 'vitest'
import { providerOf } from './support/provider.ts'
import { waitedFor } from './support/trips.ts'
import { type Agent, type Endpoint, openWorld, type World } from './support/world.ts'

const FUNDS = 1_000_000_000

let world: World
let agent: Agent
let endpoint: Endpoint
let provider: ReturnType<typeof providerOf>
let paid: { paymentId: string; requestId: string; proof: string }

beforeAll(async () => {
  world = await openWorld({ locations: ['lima', 'oslo'] })
})
beforeEach(async () => {
  agent = await world.agent({ funds: String(FUNDS) })
  endpoint = await world.endpoint({ price: '10000' })
  provider = providerOf(world, endpoint)
  paid = (await world.pay(agent, endpoint)).body
})
afterEach(async ({ expect }) => {
  expect(await world.imbalances()).toEqual([])
})
afterAll(() => world.close())

const giveBack = (amount: string, refundId = 'r1', edge = 0) =>
  provider.refund({ paymentId: paid.paymentId, refundId, amount }, edge)

const balance = async () => Number(await world.balanceOf(agent)) - FUNDS

const refused = (reason: string) => ({ success: false, reason })

describe('POST /refund', () => {
  it('gives back in parts, each under its own name, in one trip', async ({ expect }) => {
    const first = await giveBack('0.004', 'r1')
    const second = await giveBack('0.006', 'r2')

    expect(first.status).toBe(200)
    expect(first.body).toEqual({
      success: true,
      paymentId: paid.paymentId,
      refundId: 'r1',
      amount: '0.004',
      currency: 'USDC',
      refundedAt: expect.stringMatching(/^\d{4}-.*Z$/),
    })
    expect(waitedFor(second)).toEqual(['database'])
    expect(await balance()).toBe(0)
    const { body } = await provider.payment(paid.paymentId)
    expect(body).toMatchObject({ status: 'settled', captured: '0.01', refunded: '0.01' })
    expect(
      body.timeline.map((step: Record<string, string>) => [step['status'], step['refundId']]),
    ).toEqual([
      ['settled', undefined],
      ['refunded', 'r1'],
      ['refunded', 'r2'],
    ])
  })

  it('answers the same bytes to the same again, and refuses another amount', async ({ expect }) => {
    const first = await giveBack('0.004')
    await giveBack('0.001', 'r2')

    expect((await giveBack('0.0040', 'r1', 1)).text).toBe(first.text)
    expect((await giveBack('0.005')).body).toMatchObject(refused('refund_conflict'))
    expect(await balance()).toBe(-5_000)
  })

  it('gives back no more than was captured', async ({ expect }) => {
    const held = (await provider.held(agent)).body
    paid = held
    await provider.settle({ paymentId: held.paymentId, amount: '0.006' })

    expect((await giveBack('0.006001')).body).toMatchObject(refused('refund_too_high'))
    expect((await giveBack('0.005')).body.success).toBe(true)
    expect((await giveBack('0.002', 'r2')).body).toMatchObject(refused('refund_too_high'))
  })

  it('gives back no more than the provider has left', async ({ expect }) => {
    const args = [randomUUID(), endpoint.provider.id, 'USDC', '8000']
    await world.operate('pay_out_x402_earnings', args)

    expect((await giveBack('0.003')).body).toMatchObject(refused('earnings_insufficient'))
    expect((await giveBack('0.002')).body.success).toBe(true)
  })

  it('does not give the policy its counters back', async ({ expect }) => {
    await world.allow(agent, { dayMax: '10000' })
    await giveBack('0.01')
    expect((await world.pay(agent, endpoint)).body.rule).toBe('day_max')
  })

  it('ends the proof: it is refused, and none is signed again', async ({ expect }) => {
    const { requestId, proof } = paid
    const options = { key: endpoint.provider.apiKey }
    await giveBack('0.000001')

    const checked = await world.verify({ proof, endpointId: endpoint.id }, options)
    const claimed = await world.verify(
      { proof, endpointId: endpoint.id, consume: true, attemptId: 'a' },
      options,
    )
    await world.payos.edges.restart()
    await world.payos.redis.reset()
    const again = await world.pay(agent, endpoint, { requestId })

    expect([checked.body.reason, claimed.body.reason]).toEqual([
      'payment_refunded',
      'payment_refunded',
    ])
    expect([again.body.replayed, again.body.proof]).toEqual([true, null])
    const settled = await provider.settle({ paymentId: paid.paymentId, amount: '0.01' })
    expect(settled.body.reason).toBe('payment_refunded')
  })

  it('is not for what is held, voided or expired', async ({ expect }) => {
    paid = (await provider.held(agent)).body
    expect((await giveBack('0.001')).body).toMatchObject(refused('payment_held'))
    await provider.settle({ paymentId: paid.paymentId, amount: '0' })
    expect((await giveBack('0.001')).body).toMatchObject(refused('payment_voided'))

    paid = (await provider.held(agent)).body
    await world.advance(86_401_000)
    expect((await giveBack('0.001')).body).toMatchObject(refused('payment_expired'))
  })

  it('tells another provider nothing, and takes no agent for one', async ({ expect }) => {
    const rival = await world.endpoint()
    const body = { paymentId: paid.paymentId, refundId: 'r', amount: '0.01' }

    const theirs = await providerOf(world, rival).refund(body)
    const unknown = await providerOf(world, rival).refund({ ...body, paymentId: randomUUID() })

    expect(theirs.body).toMatchObject(refused('unauthorized_server'))
    expect(unknown.text).toBe(theirs.text)
    expect((await world.post('/v1/x402/refund', body, { key: agent.apiKey })).status).toBe(401)
    expect(await balance()).toBe(-10_000)
  })

  it('gives nothing back: zero is no refund', async ({ expect }) => {
    const answer = await giveBack('0')
    expect([answer.status, answer.body.param]).toEqual([400, 'amount'])
  })
})

describe('20 refunds at once over two edges', () => {
  it('give back exactly what was paid, beside payments of the same wallet', async ({ expect }) => {
    const answers = await Promise.all([
      ...Array.from({ length: 20 }, (_, at) => giveBack('0.001', `r${at}`, at % 2)),
      ...Array.from({ length: 5 }, (_, at) => world.pay(agent, endpoint, { edge: at % 2 })),
    ])

    const refunds = answers.slice(0, 20)
    expect(refunds.filter(({ body }) => body.success)).toHaveLength(10)
    expect(new Set(refunds.flatMap(({ body }) => body.reason ?? []))).toEqual(
      new Set(['refund_too_high']),
    )
    expect(await balance()).toBe(-50_000)
  })
})

describe('when the ledger refunded and its answer was lost', () => {
  it('calls the outcome unknown, and answers the refund next', async ({ expect }) => {
    world.payos.postgrest.faults.add({
      match: 'refund_x402_payment',
      when: 'after',
      effect: { kind: 'drop' },
    })

    const lost = await giveBack('0.004')
    const next = await giveBack('0.004')

    expect([lost.status, lost.body.code]).toEqual([504, 'outcome_unknown'])
    expect(next.body).toMatchObject({ success: true, amount: '0.004' })
    expect(await balance()).toBe(-6_000)
  })
})
