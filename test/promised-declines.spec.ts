import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, it } from 'vitest'
import { openBorrower, orderQstash, payAsync, until } from './support/promises.ts'
import { type Agent, type Endpoint, openWorld, type World } from './support/world.ts'

const [LIMA, OSLO] = [0, 1]
const drop = { kind: 'drop' } as const

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
  world.payos.postgrest.faults.clear()
  expect(await world.imbalances()).toEqual([])
})
afterAll(() => world.close())

type Promised = { agent: Agent; requestId: string; paymentId: string }

/** A payment promised in the south that nobody drained, whose owner allows no such payment any more. */
async function promiseForbiddenSince(): Promise<Promised> {
  const agent = await openBorrower(world, { endpoint })
  await orderQstash(world, 'pause', { publishes: 'accept' })
  const requestId = randomUUID()
  const { body } = await payAsync(world, { agent, endpoint, requestId, edge: LIMA })
  await world.allow(agent, { paymentMax: '1' })
  return { agent, requestId, paymentId: body.paymentId }
}

describe('a promised payment that would be declined now', () => {
  it.for([
    ['to be settled at once', { body: { settlement: 'sync' } }],
    ['at the edge of another region', { body: { settlement: 'async' }, edge: OSLO }],
  ] as const)('is settled and answered when it is repeated %s', async ([, how], { expect }) => {
    const { agent, requestId, paymentId } = await promiseForbiddenSince()

    const again = await world.pay(agent, endpoint, { requestId, ...how })

    expect([again.status, again.body.status, again.body.paymentId]).toEqual([
      200,
      'settled',
      paymentId,
    ])
    expect(await world.paymentsOf(agent)).toContainEqual(expect.objectContaining({ id: paymentId }))
  })

  it('is settled and answered by another key of its agent', async ({ expect }) => {
    const { agent, requestId, paymentId } = await promiseForbiddenSince()
    const other = { ...agent, apiKey: await world.key('agent', agent.id) }

    const again = await payAsync(world, { agent: other, endpoint, requestId })

    expect([again.status, again.body.paymentId]).toEqual([200, paymentId])
  })

  it('is unknown while its region does not answer, however often it is repeated', async ({
    expect,
  }) => {
    const { agent, requestId } = await promiseForbiddenSince()
    world.payos.regions.get('south')?.faults.add({ times: 0, effect: drop })

    const codes: string[] = []
    for (let tries = 0; tries < 5; tries++) {
      codes.push((await payAsync(world, { agent, endpoint, requestId })).body.code)
    }

    expect(codes).toEqual(Array.from({ length: 5 }, () => 'outcome_unknown'))
    world.payos.regions.get('south')?.faults.clear()
    // For so long an edge does not ask a Redis that did not answer.
    await world.advance(6_000)
    await until(async () => (await payAsync(world, { agent, endpoint, requestId })).status === 200)
  })

  it('is unknown while the ledger does not settle it', async ({ expect }) => {
    const { agent, requestId } = await promiseForbiddenSince()
    world.payos.postgrest.faults.add({ match: 'settle_x402_batch', times: 0, effect: drop })

    const again = await world.pay(agent, endpoint, { requestId })

    expect([again.status, again.body.code]).toEqual([504, 'outcome_unknown'])
  })
})

describe('a payment that was never promised', () => {
  it('is declined as ever, after a look into the regions of its leases', async ({ expect }) => {
    const { agent } = await promiseForbiddenSince()

    const declined = await world.pay(agent, endpoint)

    expect([declined.status, declined.body.code]).toEqual([403, 'policy_refused'])
  })

  it('is declined without that look where the wallet has no lease', async ({ expect }) => {
    const agent = await world.agent({ paymentMax: '1' })

    const declined = await world.pay(agent, endpoint)

    expect([declined.status, world.tripsOf(declined)]).toEqual([403, ['database']])
  })
})
