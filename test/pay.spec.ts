import { randomUUID } from 'node:crypto'
import { decodeJwt } from 'jose'
import { afterAll, afterEach, beforeAll, describe, it } from 'vitest'
import { openWorld, type World } from './support/world.ts'

let world: World

beforeAll(async () => {
  world = await openWorld({ locations: ['lima', 'oslo'] })
})
afterEach(async ({ expect }) => {
  expect(await world.imbalances()).toEqual([])
})
afterAll(() => world.close())

describe('POST /pay', () => {
  it('moves the price and answers with the proof', async ({ expect }) => {
    const agent = await world.agent({ funds: '10000000' })
    const endpoint = await world.endpoint({ price: '1000' })

    const paid = await world.pay(agent, endpoint, { requestId: 'test-perf-123' })

    expect(paid.status).toBe(200)
    expect(paid.body).toEqual({
      paymentId: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab]/),
      transferId: paid.body.paymentId,
      requestId: 'test-perf-123',
      status: 'settled',
      amount: '0.001',
      currency: 'USDC',
      endpointId: endpoint.id,
      walletId: agent.walletId,
      balance: '9.999',
      proof: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]{86}$/),
      proofExpiresAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
      replayed: false,
    })
    expect(await world.balanceOf(agent)).toBe('9999000')
  })

  it('charges once for 50 identical requests at once over two cold edges', async ({ expect }) => {
    const agent = await world.agent({ funds: '10000' })
    const endpoint = await world.endpoint({ price: '1000' })
    await world.payos.edges.restart()
    await world.payos.redis.reset()
    const requestId = randomUUID()

    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, at) =>
        world.pay(agent, endpoint, { requestId, edge: at % 2 }),
      ),
    )

    expect(answers.map(({ status }) => status)).toEqual(Array(50).fill(200))
    expect(new Set(answers.map(({ body }) => body.paymentId)).size).toBe(1)
    expect(answers.filter(({ body }) => !body.replayed)).toHaveLength(1)
    expect(await world.balanceOf(agent)).toBe('9000')
  })

  it('settles exactly what the day allows, of 100 payments at once', async ({ expect }) => {
    const agent = await world.agent({ funds: '10000', dayMax: '7000' })
    const endpoint = await world.endpoint({ price: '1000' })

    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, at) => world.pay(agent, endpoint, { edge: at % 2 })),
    )

    const settled = answers.filter(({ status }) => status === 200)
    const refused = answers.filter(({ status }) => status !== 200)
    expect(settled).toHaveLength(7)
    expect(new Set(refused.map(({ body }) => `${body.code} ${body.rule}`))).toEqual(
      new Set(['policy_refused day_max']),
    )
    expect(await world.balanceOf(agent)).toBe('3000')
  })

  it('settles exactly what the funds cover, of 100 payments at once', async ({ expect }) => {
    const agent = await world.agent({ funds: '10000' })
    const endpoint = await world.endpoint({ price: '1000' })

    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, at) => world.pay(agent, endpoint, { edge: at % 2 })),
    )

    expect(answers.filter(({ status }) => status === 200)).toHaveLength(10)
    expect(
      new Set(answers.filter(({ status }) => status !== 200).map(({ body }) => body.code)),
    ).toEqual(new Set(['funds_insufficient']))
    expect(await world.balanceOf(agent)).toBe('0')
  })

  it('refuses other content under a known request id and charges nothing', async ({ expect }) => {
    const agent = await world.agent({ funds: '10000' })
    const [first, second] = [await world.endpoint(), await world.endpoint()]
    const requestId = randomUUID()
    await world.pay(agent, first, { requestId })

    const other = await world.pay(agent, second, { requestId })

    expect([other.status, other.body.code, other.body.retry]).toEqual([
      409,
      'payment_conflict',
      'never',
    ])
    expect(await world.balanceOf(agent)).toBe('9000')
  })

  it('settles after a deposit what it declined before, under the same request id', async ({
    expect,
  }) => {
    const agent = await world.agent({ funds: '0' })
    const endpoint = await world.endpoint()
    const requestId = randomUUID()
    const declined = await world.pay(agent, endpoint, { requestId })
    await world.fund(agent, '1000')

    const settled = await world.pay(agent, endpoint, { requestId })

    expect([declined.status, declined.body.code]).toEqual([402, 'funds_insufficient'])
    expect([settled.status, settled.body.replayed]).toEqual([200, false])
  })

  it('answers a repeat with the same payment, on every edge', async ({ expect }) => {
    const agent = await world.agent()
    const endpoint = await world.endpoint()
    const { requestId, first, again: here } = await world.payTwice(agent, endpoint)
    const there = await world.pay(agent, endpoint, { requestId, edge: 1 })

    for (const repeat of [here, there]) {
      expect(repeat.status).toBe(200)
      expect(repeat.headers.get('idempotency-replayed')).toBe('true')
      expect(repeat.body.paymentId).toBe(first.body.paymentId)
      expect(repeat.body).not.toHaveProperty('balance')
    }
    expect(here.body.proof).toBe(first.body.proof)
  })

  it('lets a proof be had until the redemption ends, and never after', async ({ expect }) => {
    const agent = await world.agent()
    const endpoint = await world.endpoint()
    const requestId = randomUUID()
    const first = await world.pay(agent, endpoint, { requestId })
    const ends = (decodeJwt(first.body.proof)['rdm'] as number) * 1000

    await world.advance(14 * 60_000)
    const late = await world.pay(agent, endpoint, { requestId, edge: 1 })
    await world.advance(61_000)
    const tooLate = await world.pay(agent, endpoint, { requestId })

    expect(Date.parse(late.body.proofExpiresAt)).toBe(ends)
    expect(await world.verify({ proof: late.body.proof })).toMatchObject({
      body: { valid: false, reason: 'proof_expired' },
    })
    expect([tooLate.status, tooLate.body.paymentId, tooLate.body.proof]).toEqual([
      200,
      first.body.paymentId,
      null,
    ])
  })
})
