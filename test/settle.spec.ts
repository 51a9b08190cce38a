import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from 'vitest'
import { assemble, proofKeyOf, takeApart } from './support/proof-forge.ts'
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

const capture = (amount: string, more: Record<string, unknown> = {}, edge = 0) =>
  provider.settle({ paymentId: held.paymentId, amount, ...more }, edge)

const balance = async () => Number(await world.balanceOf(agent)) - FUNDS

describe('POST /settle', () => {
  it.for([
    ['whole', '0.01', { status: 'settled', captured: '0.01', released: '0' }, -10_000],
    ['in part', '0.0035', { status: 'settled', captured: '0.0035', released: '0.0065' }, -3_500],
    ['not at all: void', '0', { status: 'voided', captured: '0', released: '0.01' }, 0],
  ] as const)(
    'captures the hold %s, in one trip',
    async ([, amount, becomes, left], { expect }) => {
      const answer = await capture(amount, { attemptId: 'a1' })

      expect(answer.status).toBe(200)
      expect(answer.body).toEqual({
        success: true,
        paymentId: held.paymentId,
        requestId: held.requestId,
        endpointId: endpoint.id,
        amount: '0.01',
        currency: 'USDC',
        attemptId: 'a1',
        settledAt: expect.stringMatching(/^\d{4}-.*Z$/),
        ...becomes,
      })
      expect(waitedFor(answer)).toEqual(['database'])
      expect(await balance()).toBe(left)
      const shown = await provider.payment(held.paymentId)
      expect(shown.body).toMatchObject(becomes)
      expect(shown.body.timeline.map(({ status }: { status: string }) => status)).toEqual([
        'held',
        becomes.status,
      ])
    },
  )

  it('answers the same bytes to the same again, on every edge', async ({ expect }) => {
    const first = await capture('0.004', { attemptId: 'a1' })
    const again = await capture('0.004', { attemptId: 'a1' }, 1)
    const unnamed = await capture('0.0040', {}, 1)
    const byProof = await provider.settle({ proof: held.proof, amount: 0.004 })

    expect(new Set([first, again, unnamed, byProof].map(({ text }) => text)).size).toBe(1)
    expect(await balance()).toBe(-4_000)
  })

  it('tells another attempt, and another amount, who was first', async ({ expect }) => {
    const won = await capture('0.004', { attemptId: 'a1' })
    const first = { attemptId: 'a1', captured: '0.004', settledAt: won.body.settledAt }

    const other = await capture('0.004', { attemptId: 'a2' })
    const more = await capture('0.005', { attemptId: 'a1' })

    expect([other.status, more.status]).toEqual([200, 200])
    const refused = { success: false, detail: expect.stringMatching(/\.$/), first }
    expect(other.body).toEqual({ ...refused, reason: 'duplicate_settlement' })
    expect(more.body).toEqual({ ...refused, reason: 'settle_conflict' })
  })

  it('is won by one of 50 attempts at once over two edges', async ({ expect }) => {
    const attempts = Array.from({ length: 50 }, (_, at) =>
      capture('0.01', { attemptId: `a${at}` }, at % 2),
    )
    const answers = await Promise.all(attempts)

    expect(answers.filter(({ body }) => body.success)).toHaveLength(1)
    const reasons = answers.flatMap(({ body }) => body.reason ?? [])
    expect(new Set(reasons)).toEqual(new Set(['duplicate_settlement']))
    expect(await balance()).toBe(-10_000)
  })

  it('takes no more than is held', async ({ expect }) => {
    const { body } = await capture('0.010001')
    expect(body).toEqual({ success: false, reason: 'settle_conflict', detail: expect.any(String) })
    expect((await capture('0.01')).body.success).toBe(true)
  })

  it('gives back what it released to the day and month it was counted in', async ({ expect }) => {
    await world.allow(agent, { dayMax: '10000', monthMax: '10000' })
    const refused = await provider.held(agent)
    await capture('0')

    const again = await provider.held(agent)

    expect([refused.body.code, refused.body.rule]).toEqual(['policy_refused', 'day_max'])
    expect(again.body.status).toBe('held')
  })

  it('uses the proof up: nobody else can redeem it, and none is signed again', async ({
    expect,
  }) => {
    await capture('0.01', { attemptId: 'a1' })
    await world.advance(121_000)
    const { requestId, proof } = held
    const ask = { endpointId: endpoint.id, consume: true, attemptId: 'a2' }

    const repeat = await provider.held(agent, { requestId, edge: 1 })
    const other = await world.verify({ proof, ...ask }, { key: endpoint.provider.apiKey })

    expect(repeat.body).toMatchObject({ paymentId: held.paymentId, status: 'settled', proof: null })
    expect(['proof_already_used', 'proof_expired']).toContain(other.body.reason)
  })

  it('captures by a proof that has expired, and by none that was altered', async ({ expect }) => {
    await world.advance(3_600_000)
    const parts = takeApart(held.proof, proofKeyOf(world))
    const foreign = assemble({ ...parts, claims: { ...parts.claims, iss: 'https://x.example' } })

    const altered = await provider.settle({ proof: `${held.proof}A`, amount: '0.01' })
    const issued = await provider.settle({ proof: foreign, amount: '0.01' })
    const late = await provider.settle({ proof: held.proof, amount: '0.01' })

    expect([altered.body.reason, issued.body.reason]).toEqual([
      'proof_malformed',
      'proof_wrong_issuer',
    ])
    expect(late.body).toMatchObject({ success: true, status: 'settled' })
  })

  it('takes the whole of a payment that settled by itself, and moves nothing', async ({
    expect,
  }) => {
    const { paymentId } = (await world.pay(agent, endpoint)).body
    const before = await balance()

    const part = await provider.settle({ paymentId, amount: '0.005' })
    const whole = await provider.settle({ paymentId, amount: '0.01', attemptId: 'a' })
    const other = await provider.settle({ paymentId, amount: '0.01', attemptId: 'b' })

    expect(part.body.reason).toBe('settle_conflict')
    expect(whole.body).toMatchObject({ success: true, status: 'settled', captured: '0.01' })
    expect(other.body.reason).toBe('duplicate_settlement')
    expect(await balance()).toBe(before)
  })

  it('tells another provider nothing, and takes no agent for one', async ({ expect }) => {
    const rival = await world.endpoint()
    const body = { paymentId: held.paymentId, amount: '0.01' }

    const theirs = await providerOf(world, rival).settle(body)
    const unknown = await providerOf(world, rival).settle({ ...body, paymentId: randomUUID() })
    const byAgent = await world.post('/v1/x402/settle', body, { key: agent.apiKey })
    const byNobody = await world.post('/v1/x402/settle', body)

    expect(theirs.body).toEqual({
      success: false,
      reason: 'unauthorized_server',
      detail: expect.any(String),
    })
    expect(unknown.text).toBe(theirs.text)
    expect([byAgent.status, byNobody.status]).toEqual([401, 401])
    expect((await capture('0.01')).body.success).toBe(true)
  })

  it('names one payment: by id or by proof, not both', async ({ expect }) => {
    const both = await capture('0.01', { proof: held.proof })
    expect([both.status, both.body.param]).toEqual([400, 'proof'])
  })
})

describe('when the ledger captured and its answer was lost', () => {
  it('calls the outcome unknown, and answers the capture next', async ({ expect }) => {
    world.payos.postgrest.faults.add({
      match: 'capture_x402_payment',
      when: 'after',
      effect: { kind: 'drop' },
    })

    const lost = await capture('0.004', { attemptId: 'a' })
    const next = await capture('0.004', { attemptId: 'a' })

    expect([lost.status, lost.body.code, lost.body.payment_id]).toEqual([
      504,
      'outcome_unknown',
      held.paymentId,
    ])
    expect(next.body).toMatchObject({ success: true, captured: '0.004' })
    expect(await balance()).toBe(-4_000)
  })
})
