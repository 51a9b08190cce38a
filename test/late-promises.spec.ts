import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, it } from 'vitest'
import { openBorrower, payAsync, runClock } from './support/promises.ts'
import { type Agent, type Endpoint, openWorld, type World } from './support/world.ts'

const MINUTE = 60_000

let world: World
let endpoint: Endpoint

beforeAll(async () => {
  world = await openWorld()
  endpoint = await world.endpoint()
})
afterEach(async ({ expect }) => {
  expect(await world.imbalances()).toEqual([])
})
afterAll(() => world.close())

/** A lease as it is after so long, Redis having forgotten what was asked then. */
async function later(agent: Agent, ms: number): Promise<void> {
  await runClock(world)
  await world.payos.redis.reset()
  await world.advance(ms)
  await payAsync(world, { agent, endpoint })
  for (let tries = 0; tries < 100; tries++) {
    if ((await payAsync(world, { agent, endpoint })).body.status === 'held') return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error('no lease was made')
}

const present = async (proof: string) => {
  const presented = await world.verify({ proofs: [proof] }, { key: endpoint.provider.apiKey })
  const [result] = presented.body.results
  return [result.valid, result.reason]
}

const paymentsUnder = async (agent: Agent, requestId: string) =>
  (await world.paymentsOf(agent)).filter((it) => it.request_id === requestId)

describe('a payment that is promised again', () => {
  it.for(['async', 'sync'])(
    'after its redemption is over buys nothing: its proof is refused (first paid %s)',
    async (settlement, { expect }) => {
      const agent = await openBorrower(world, { endpoint })
      const requestId = randomUUID()
      await world.pay(agent, endpoint, { requestId, body: { settlement } })
      await later(agent, 16 * MINUTE)

      const again = await payAsync(world, { agent, endpoint, requestId })

      expect(again.body.status).toBe('held')
      expect(await present(again.body.proof)).toEqual([false, 'payment_expired'])
      expect(await paymentsUnder(agent, requestId)).toHaveLength(1)
    },
  )

  it('is refused as well when its proof would outlive the redemption', async ({ expect }) => {
    const agent = await openBorrower(world, { endpoint })
    const requestId = randomUUID()
    await world.pay(agent, endpoint, { requestId })
    await later(agent, 14 * MINUTE)

    const again = await payAsync(world, { agent, endpoint, requestId })

    expect(await present(again.body.proof)).toEqual([false, 'payment_expired'])
  })

  it('leaves the wallet without leases until an operator has looked', async ({ expect }) => {
    const agent = await openBorrower(world, { endpoint })
    const requestId = randomUUID()
    await payAsync(world, { agent, endpoint, requestId })
    await later(agent, 16 * MINUTE)
    await payAsync(world, { agent, endpoint, requestId })
    await runClock(world)
    await world.advance(MINUTE)
    await runClock(world)

    const next = await payAsync(world, { agent, endpoint })
    const [stop] = await world.database.sql`
      select reason from ledger.lease_stops where wallet_id = ${agent.walletId}`

    expect([next.body.status, stop?.['reason']]).toEqual(['settled', 'redemption_over'])
    expect(world.payos.edges.logs().join('\n')).toMatch(
      /"alarm":"promises_set_aside"[\s\S]*"alarm":"wallets_stopped"/,
    )
  })

  it('within its redemption, by a Redis that forgot it, is the same payment', async ({
    expect,
  }) => {
    const agent = await openBorrower(world, { endpoint })
    const requestId = randomUUID()
    const first = await payAsync(world, { agent, endpoint, requestId })
    await later(agent, 10 * MINUTE)

    const again = await payAsync(world, { agent, endpoint, requestId })

    expect([again.body.status, again.body.paymentId]).toEqual(['held', first.body.paymentId])
    expect((await present(again.body.proof))[0]).toBe(true)
    expect(await paymentsUnder(agent, requestId)).toHaveLength(1)
  })

  it('after its provider gave it back buys nothing', async ({ expect }) => {
    const agent = await openBorrower(world, { endpoint })
    const requestId = randomUUID()
    const paid = await world.pay(agent, endpoint, { requestId })
    const amount = paid.body.amount
    const refund = { paymentId: paid.body.paymentId, refundId: 'r1', amount }
    const returned = await world.post('/v1/x402/refund', refund, { key: endpoint.provider.apiKey })
    await later(agent, MINUTE)

    const again = await payAsync(world, { agent, endpoint, requestId })

    expect([returned.status, again.body.status]).toEqual([200, 'held'])
    expect(await present(again.body.proof)).toEqual([false, 'payment_expired'])
  })
})
