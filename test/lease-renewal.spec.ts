import { decodeJwt } from 'jose'
import { afterAll, afterEach, beforeAll, describe, it } from 'vitest'
import type { Answer } from './support/http.ts'
import { openBorrower, payAsync, until } from './support/promises.ts'
import { waitedFor } from './support/trips.ts'
import { type Agent, type Endpoint, openWorld, type World } from './support/world.ts'

const EDGES = [0, 1]
const PRICE = 1_000

let world: World
let endpoint: Endpoint

beforeAll(async () => {
  world = await openWorld({ locations: ['lima', 'oslo'] })
  endpoint = await world.endpoint({ price: String(PRICE) })
})
afterEach(async ({ expect }) => {
  expect(await world.imbalances()).toEqual([])
})
afterAll(() => world.close())

const pay = (agent: Agent, edge = 0) => payAsync(world, { agent, endpoint, edge })

/** Pays so often at once, at both edges in turn. */
const payTogether = (agent: Agent, times: number) =>
  Promise.all(Array.from({ length: times }, (_, at) => pay(agent, at % EDGES.length)))

/** What an answer was: promised or settled at once, and the trips it waited for. */
const kindOf = (answer: Answer) => [answer.body.status, ...waitedFor(answer)].join(' after ')
const PROMISED = 'held after redis'

/** The leases of a wallet, in the order of their epochs. */
const leasesOf = ({ walletId }: Agent) =>
  world.database.sql<{ id: string; epoch: string; payments: number }[]>`
    select id, epoch::text, spend_limit::int / ${PRICE}::int as payments
    from ledger.leases where wallet_id = ${walletId} order by epoch`

const keyOf = (kind: string, { walletId }: Agent) => `payos:test:local:${kind}:${walletId}`

/** How many more payments the lease in Redis covers. */
const leftOf = async (agent: Agent) =>
  Number(await world.payos.redis.command('HGET', keyOf('lease', agent), 'remaining')) / PRICE

/** Pays until the lease covers so many more, at a moment when the next one may be made. */
const payDownTo = async (agent: Agent, payments: number) => {
  await quiet()
  // Three seconds after one was asked for.
  await world.advance(5_000)
  while ((await leftOf(agent)) > payments) await pay(agent)
  await quiet()
}

/** Waits until Redis promises from the lease that comes after `count`. */
const renewed = (agent: Agent, count: number) =>
  until(async () => {
    const newest = (await leasesOf(agent)).at(count)
    const current = await world.payos.redis.command('HGET', keyOf('lease', agent), 'id')
    return newest !== undefined && current === newest.id
  })

/** Waits until nothing is done any more after the answers that were given. */
const quiet = async () => {
  const { postgrest, redis } = world.payos
  let [seen, still] = [0, 0]
  await until(async () => {
    const now = postgrest.trips.length + redis.trips.length
    still = now === seen ? still + 1 : 0
    seen = now
    return still === 5
  })
}

describe('a lease is renewed behind the answers', () => {
  it('of an agent that pays each second: every payment is promised, in one trip to Redis', async ({
    expect,
  }) => {
    const agent = await openBorrower(world, { endpoint })
    const paid: Answer[] = []
    for (let second = 0; second < 120; second++) {
      await world.advance(1_000)
      paid.push(await pay(agent, second % EDGES.length))
      await until(async () => (await leftOf(agent)) > 1)
    }

    expect(new Set(paid.map(kindOf))).toEqual(new Set([PROMISED]))
    const leases = await leasesOf(agent)
    const used = new Set(paid.map(({ body }) => decodeJwt(body.proof)['lse']))
    expect([...used]).toEqual(leases.map(({ id }) => id).slice(0, used.size))
    expect(used.size).toBeGreaterThanOrEqual(3)
    expect(leases.length).toBeLessThanOrEqual(5)
  })

  it('when under 30 % of it is left, and not before', async ({ expect }) => {
    const agent = await openBorrower(world, { endpoint })
    await payDownTo(agent, 3)
    const before = await leasesOf(agent)

    const last = await pay(agent)
    await renewed(agent, 1)

    expect(before).toMatchObject([{ payments: 10 }])
    expect(kindOf(last)).toBe(PROMISED)
    expect(kindOf(await pay(agent))).toBe(PROMISED)
    expect(await leasesOf(agent)).toHaveLength(2)
  })

  it('when it has under 15 seconds to live, however much is left, and not before', async ({
    expect,
  }) => {
    const agent = await openBorrower(world, { endpoint })
    for (const count of [1, 2, 3]) {
      await world.advance(40_000)
      const early = await pay(agent)
      await quiet()
      const before = await leasesOf(agent)
      await world.advance(6_000)
      const late = await pay(agent, 1)
      await renewed(agent, count)

      expect([early, late].map(kindOf)).toEqual([PROMISED, PROMISED])
      expect(before).toHaveLength(count)
    }
  })
})

describe('many payments at once', () => {
  it('of a wallet without a lease make one', async ({ expect }) => {
    const agent = await world.agent()
    await world.operate('put_x402_settlement', [agent.walletId, 'async'])

    // Fewer than the first lease covers.
    const paid = await payTogether(agent, 8)
    await renewed(agent, 0)
    await quiet()

    expect(paid.map(({ status }) => status)).toEqual(paid.map(() => 200))
    expect(await leasesOf(agent)).toHaveLength(1)
    expect(kindOf(await pay(agent))).toBe(PROMISED)
  })

  it('from a lease that is running out of time make one more, and are all promised', async ({
    expect,
  }) => {
    const agent = await openBorrower(world, { endpoint })
    await quiet()
    await world.advance(46_000)

    // More than 30 % of it stays.
    const paid = await payTogether(agent, 5)
    await renewed(agent, 1)
    await quiet()

    expect(paid.map(kindOf)).toEqual(paid.map(() => PROMISED))
    const [first, second, ...more] = await leasesOf(agent)
    expect(more).toEqual([])
    expect(Number(second?.epoch)).toBeGreaterThan(Number(first?.epoch))
  })

  it('from a lease that is running out of money make one more, and are all promised', async ({
    expect,
  }) => {
    const agent = await openBorrower(world, { endpoint })
    await payDownTo(agent, 5)

    const paid = await payTogether(agent, 4)
    await renewed(agent, 1)
    await quiet()

    expect(paid.map(kindOf)).toEqual(paid.map(() => PROMISED))
    expect(await leasesOf(agent)).toHaveLength(2)
  })
})
