import { randomUUID } from 'node:crypto'
import { decodeJwt } from 'jose'
import { afterAll, afterEach, beforeAll, describe, it } from 'vitest'
import type { Answer } from './support/http.ts'
import { openBorrower, orderQstash, payAsync, runClock, until } from './support/promises.ts'
import { type Agent, type Endpoint, openWorld, type World } from './support/world.ts'

const [LIMA, OSLO] = [0, 1]
const EDGES = [LIMA, OSLO]

let world: World
let endpoint: Endpoint

beforeAll(async () => {
  world = await openWorld({
    locations: ['lima', 'oslo'],
    continents: { lima: 'SA', oslo: 'EU' },
    regions: [
      { name: 'south', continents: ['SA'] },
      { name: 'north', continents: ['*'] },
    ],
  })
  endpoint = await world.endpoint()
})
afterEach(async ({ expect }) => {
  await orderQstash(world, 'resume')
  for (const redis of world.payos.regions.values()) redis.faults.clear()
  expect(await world.imbalances()).toEqual([])
})
afterAll(() => world.close())

const pay = (agent: Agent, edge: number, more: object = {}) =>
  payAsync(world, { agent, endpoint, edge, ...more })

/** An agent with a lease in both regions. */
const borrower = () => openBorrower(world, { endpoint, edges: EDGES })

const leasesOf = ({ walletId }: Agent) =>
  world.database.sql<{ id: string; region: string; state: string }[]>`
    select id, region, state from ledger.leases where wallet_id = ${walletId} order by region`

const settledOf = async (agent: Agent) =>
  new Set((await world.paymentsOf(agent)).map(({ id }) => id))

/** The region whose lease stands behind a promise. */
async function regionOf(agent: Agent, { body }: Answer): Promise<string | undefined> {
  const lease = decodeJwt(body.proof)['lse']
  return (await leasesOf(agent)).find(({ id }) => id === lease)?.region
}

/** A promise that only its region's Redis knows of. */
async function promiseAt(edge: number) {
  const agent = await borrower()
  await orderQstash(world, 'pause', { publishes: 'accept' })
  const requestId = randomUUID()
  const paid = await pay(agent, edge, { requestId })
  return { agent, requestId, paid, id: paid.body.paymentId as string }
}

describe('two regions', () => {
  it('each promise from a lease of their own, in one trip to their own Redis', async ({
    expect,
  }) => {
    const agent = await borrower()

    for (const [edge, region] of [
      [LIMA, 'south'],
      [OSLO, 'north'],
    ] as const) {
      const paid = await pay(agent, edge)
      expect(paid.headers.get('server-timing')).toMatch(/^redis;dur=[\d.]+$/)
      expect(await regionOf(agent, paid)).toBe(region)
    }
    expect((await leasesOf(agent)).map(({ region }) => region)).toEqual(['north', 'south'])
  })

  it('settle what both promised at once from one wallet, each payment once', async ({ expect }) => {
    const agent = await borrower()

    const paid = await Promise.all([0, 1, 2, 3, 4, 5].map((at) => pay(agent, at % 2)))

    expect(paid.map(({ status }) => status)).toEqual(paid.map(() => 200))
    expect(paid.filter(({ body }) => body.status === 'held').length).toBeGreaterThan(1)
    const ids: string[] = paid.map(({ body }) => body.paymentId)
    await until(async () => {
      const settled = await settledOf(agent)
      return ids.every((id) => settled.has(id))
    })
    expect(new Set(ids).size).toBe(6)
  })
})

describe('a payment that only its own region knows of', () => {
  it.for(EDGES)(
    'is found by its id at the other edge (promised at %i)',
    async (edge, { expect }) => {
      const { agent, id } = await promiseAt(edge)
      expect((await settledOf(agent)).has(id)).toBe(false)

      const found = await world.get(`/v1/x402/payments/${id}`, {
        key: agent.apiKey,
        edge: 1 - edge,
      })

      expect([found.status, found.body.paymentId]).toEqual([200, id])
      expect((await settledOf(agent)).has(id)).toBe(true)
    },
  )

  it.for(EDGES)(
    'is found by what its agent called it (promised at %i)',
    async (edge, { expect }) => {
      const { agent, id, requestId } = await promiseAt(edge)
      const query = `walletId=${agent.walletId}&requestId=${requestId}`

      const found = await world.get(`/v1/x402/payments?${query}`, {
        key: agent.apiKey,
        edge: 1 - edge,
      })

      expect([found.status, found.body.paymentId]).toEqual([200, id])
    },
  )

  it.for(EDGES)(
    'is settled by /verify at the other edge (promised at %i)',
    async (edge, { expect }) => {
      const { agent, id, paid } = await promiseAt(edge)

      const checked = await world.verify(
        { proof: paid.body.proof, endpointId: endpoint.id },
        { key: endpoint.provider.apiKey, edge: 1 - edge },
      )

      expect(checked.body).toMatchObject({ valid: true, payment: { status: 'settled' } })
      expect((await settledOf(agent)).has(id)).toBe(true)
    },
  )

  it('is the same payment when its agent repeats it at the other edge', async ({ expect }) => {
    const { agent, id, requestId } = await promiseAt(LIMA)

    const again = await pay(agent, OSLO, { requestId })

    expect([again.status, again.body.paymentId]).toEqual([200, id])
    await orderQstash(world, 'resume')
    await until(async () => (await settledOf(agent)).has(id))
    const named = (await world.paymentsOf(agent)).filter((it) => it.request_id === requestId)
    expect(named).toHaveLength(1)
  })
})

describe('what an owner takes away', () => {
  it('is taken away in both regions within a minute, and what was promised is paid', async ({
    expect,
  }) => {
    const agent = await borrower()
    await world.allow(agent, { paymentMax: '1' })
    const meanwhile = await Promise.all(EDGES.map((edge) => pay(agent, edge)))
    await world.advance(60_000)

    const after = await Promise.all(EDGES.map((edge) => pay(agent, edge)))

    expect(after.map(({ status, body }) => [status, body.code])).toEqual([
      [403, 'policy_refused'],
      [403, 'policy_refused'],
    ])
    const promised = meanwhile.filter(({ status }) => status === 200)
    await until(async () => {
      const settled = await settledOf(agent)
      return promised.every(({ body }) => settled.has(body.paymentId))
    })
  })
})

describe('while the Redis of one region is gone', () => {
  it('the other promises on, and its own edge settles at once', async ({ expect }) => {
    const agent = await borrower()
    world.payos.regions.get('south')?.faults.add({ times: 0, effect: { kind: 'drop' } })

    const [lima, oslo] = await Promise.all([pay(agent, LIMA), pay(agent, OSLO)])

    expect([lima?.status, lima?.body.status]).toEqual([200, 'settled'])
    expect([oslo?.status, oslo?.body.status]).toEqual([200, 'held'])
    await until(async () => (await settledOf(agent)).has(oslo?.body.paymentId))
  })

  it('the other gives escrow back in time, and its own once it is there again', async ({
    expect,
  }) => {
    const agent = await borrower()
    const clock = () => runClock(world, OSLO)
    const states = async () => (await leasesOf(agent)).map(({ region, state }) => [region, state])
    world.payos.regions.get('south')?.faults.add({ times: 0, effect: { kind: 'drop' } })
    await world.advance(220_000)

    await clock().catch(() => undefined)
    const meanwhile = await states()
    world.payos.regions.get('south')?.faults.clear()
    await clock()

    expect(meanwhile).toEqual([
      ['north', 'reclaimed'],
      ['south', 'open'],
    ])
    expect(new Set((await states()).map(([, state]) => state))).toEqual(new Set(['reclaimed']))
  })
})
