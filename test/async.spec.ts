import { randomUUID } from 'node:crypto'
import { decodeJwt } from 'jose'
import { afterAll, afterEach, beforeAll, describe, it } from 'vitest'
import { openBorrower, runClock, until } from './support/promises.ts'
import { type Agent, type Endpoint, openWorld, type World } from './support/world.ts'

const async = { body: { settlement: 'async' } }

let world: World
let agent: Agent
let endpoint: Endpoint

beforeAll(async () => {
  world = await openWorld({ locations: ['lima', 'oslo'] })
  endpoint = await world.endpoint()
})
afterEach(async ({ expect }) => {
  expect(await world.imbalances()).toEqual([])
})
afterAll(() => world.close())

/** An agent whose policy lets it pay from a lease, with a lease that is ready. */
const borrower = (): Promise<Agent> => openBorrower(world, { endpoint })

const isSettled = async (id: string) => {
  const { sql } = world.database
  return (await sql`select from ledger.payments where id = ${id}`).length === 1
}

describe('POST /pay with settlement async', () => {
  it('promises the payment in one trip to Redis and none to the ledger', async ({ expect }) => {
    agent = await borrower()

    const paid = await world.pay(agent, endpoint, async)

    expect([paid.status, paid.body.status]).toEqual([200, 'held'])
    expect(paid.headers.get('server-timing')).toMatch(/^redis;dur=[\d.]+$/)
    expect(decodeJwt(paid.body.proof)).toMatchObject({
      st: 'held',
      lse: expect.any(String),
      seq: expect.any(Number),
      jti: paid.body.paymentId,
    })
  })

  it('does the same on a cold isolate', async ({ expect }) => {
    await world.payos.edges.restart()

    const paid = await world.pay(agent, endpoint, async)

    expect([paid.body.status, paid.headers.get('server-timing')]).toEqual([
      'held',
      expect.stringMatching(/^redis;dur=[\d.]+$/),
    ])
  })

  it('answers a repeat with the same promise, which ends when it ended', async ({ expect }) => {
    const requestId = randomUUID()
    const first = await world.pay(agent, endpoint, { ...async, requestId })
    const again = await world.pay(agent, endpoint, { ...async, requestId, edge: 1 })

    expect(again.body.paymentId).toBe(first.body.paymentId)
    expect(again.body.proofExpiresAt).toBe(first.body.proofExpiresAt)
    expect(again.headers.get('idempotency-replayed')).toBe('true')
  })

  it('settles by itself within seconds', async ({ expect }) => {
    const paid = await world.pay(agent, endpoint, async)

    await until(() => isSettled(paid.body.paymentId))

    expect(await isSettled(paid.body.paymentId)).toBe(true)
  })

  it('is found at once by its id and by its request id', async ({ expect }) => {
    const requestId = randomUUID()
    const paid = await world.pay(agent, endpoint, { ...async, requestId })

    const byId = await world.get(`/v1/x402/payments/${paid.body.paymentId}`, { key: agent.apiKey })
    const query = `walletId=${agent.walletId}&requestId=${requestId}`
    const byName = await world.get(`/v1/x402/payments?${query}`, { key: agent.apiKey })

    expect([byId.status, byName.status]).toEqual([200, 200])
    expect(byName.body.paymentId).toBe(paid.body.paymentId)
  })

  it('settles a promise whose proof is presented, though Redis forgot everything', async ({
    expect,
  }) => {
    const fresh = await borrower()
    const paid = await world.pay(fresh, endpoint, async)
    await world.payos.redis.reset()

    const checked = await world.verify(
      { proof: paid.body.proof, endpointId: endpoint.id },
      { key: endpoint.provider.apiKey },
    )

    expect(checked.body).toMatchObject({
      valid: true,
      payment: { paymentId: paid.body.paymentId, status: 'settled' },
    })
  })

  it('settles up to a hundred presented proofs in one call, each by itself', async ({ expect }) => {
    const fresh = await borrower()
    const paid = await Promise.all(
      Array.from({ length: 5 }, () => world.pay(fresh, endpoint, async)),
    )
    await world.payos.redis.reset()
    const proofs = [...paid.map(({ body }) => body.proof), 'not a proof']

    const presented = await world.verify({ proofs }, { key: endpoint.provider.apiKey })

    expect(presented.body.results.map((it: { valid: boolean }) => it.valid)).toEqual([
      ...paid.map(() => true),
      false,
    ])
    expect(await Promise.all(paid.map(({ body }) => isSettled(body.paymentId)))).toEqual(
      paid.map(() => true),
    )
  })

  it('settles at once, with the sync answer, for a wallet without the right', async ({
    expect,
  }) => {
    const plain = await world.agent()

    const paid = await world.pay(plain, endpoint, async)

    expect([paid.status, paid.body.status]).toEqual([200, 'settled'])
  })

  it('settles at once while Redis is down', async ({ expect }) => {
    world.payos.redis.faults.add({ times: 0, effect: { kind: 'drop' } })
    const paid = await world.pay(agent, endpoint, async)
    world.payos.redis.faults.clear()
    // For so long an edge does not ask a Redis that did not answer.
    await world.advance(6_000)

    expect([paid.status, paid.body.status]).toEqual([200, 'settled'])
  })

  it('grows a lease that is used up to twice what a minute spends at that rate', async ({
    expect,
  }) => {
    const busy = await borrower()
    await Promise.all(Array.from({ length: 12 }, () => world.pay(busy, endpoint, async)))
    await world.advance(3_000)
    await world.pay(busy, endpoint, async)
    await until(async () => (await world.pay(busy, endpoint, async)).body.status === 'held')

    const [first, second] = await world.database.sql`
      select spend_limit::int / ${endpoint.price}::int as payments from ledger.leases
      where wallet_id = ${busy.walletId} order by epoch`
    expect(first?.['payments']).toBe(10)
    // Ten payments in 3 to 10 seconds are 200 to 60 a minute.
    expect(second?.['payments']).toBeGreaterThan(100)
  })

  it('lends nothing of a wallet to whoever may not pay from it', async ({ expect }) => {
    const [owner, stranger] = [await world.agent(), await world.agent()]
    await world.operate('put_x402_settlement', [owner.walletId, 'async'])
    await world.operate('put_x402_settlement', [stranger.walletId, 'async'])

    const refused = await world.pay({ ...owner, apiKey: stranger.apiKey }, endpoint, async)
    // What is done after an answer is done for this one, by the time it is done for the next.
    await borrower()
    const lent = await world.database.sql`
      select from ledger.leases where wallet_id = ${owner.walletId}`

    expect([refused.status, refused.body.code]).toEqual([404, 'not_found'])
    expect(lent).toHaveLength(0)
  })

  it('calls a decline unknown after a reservation that may have happened', async ({ expect }) => {
    const fresh = await borrower()
    await world.allow(fresh, { paymentMax: '1' })
    const match = `:lease:${fresh.walletId}`
    world.payos.redis.faults.add({ match, when: 'after', effect: { kind: 'drop' } })

    const paid = await world.pay(fresh, endpoint, async)

    expect([paid.status, paid.body.code]).toEqual([504, 'outcome_unknown'])
  })

  it('calls a decline unknown where Redis lost the record, and settles it from the stream', async ({
    expect,
  }) => {
    const fresh = await borrower()
    const requestId = randomUUID()
    const undrained = { match: 'settle_x402_batch', times: 0, effect: { kind: 'drop' } } as const
    world.payos.postgrest.faults.add(undrained)
    const promised = await world.pay(fresh, endpoint, { ...async, requestId })
    await world.allow(fresh, { paymentMax: '1' })
    const record = `payos:test:local:payment:${promised.body.paymentId}`
    await world.payos.redis.command('DEL', record)

    const lost = await world.pay(fresh, endpoint, { ...async, requestId })
    world.payos.postgrest.faults.clear()
    await runClock(world)
    await until(() => isSettled(promised.body.paymentId))
    const found = await world.pay(fresh, endpoint, { ...async, requestId })

    expect([promised.body.status, lost.status, lost.body.code]).toEqual([
      'held',
      504,
      'outcome_unknown',
    ])
    expect([found.status, found.body.status, found.body.paymentId]).toEqual([
      200,
      'settled',
      lost.body.payment_id,
    ])
  })
})
