import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, it } from 'vitest'
import {
  countSettled,
  openBorrower,
  orderQstash,
  payAsync,
  runClock,
  streamOf,
} from './support/promises.ts'
import { openWorld, type World } from './support/world.ts'

const LEASES = 250

let world: World

beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world.close())

/** A lease, granted as the drain would have it granted. */
async function lease(): Promise<void> {
  const { walletId } = await world.agent()
  await world.operate('put_x402_settlement', [walletId, 'async'])
  const terms = [walletId, 'local', randomUUID(), '10000', '1000']
  await world.operate('grant_x402_lease', terms)
}

/** Two payments promised in two shards, and known to nobody else. */
async function twoPromises(): Promise<string[]> {
  const endpoint = await world.endpoint()
  const promised = new Map<string, string>()
  await orderQstash(world, 'pause', { publishes: 'accept' })
  while (promised.size < 2) {
    const agent = await openBorrower(world, { endpoint })
    const paid = await payAsync(world, { agent, endpoint })
    promised.set(streamOf(agent), paid.body.paymentId)
  }
  return [...promised.values()]
}

describe('the clock', () => {
  it(`gives the escrow of ${LEASES} leases back in one minute, once it is due`, async ({
    expect,
  }) => {
    for (let at = 0; at < LEASES; at += 10) {
      await Promise.all(Array.from({ length: 10 }, lease))
    }
    await world.advance(211_000)

    await runClock(world)

    const { sql } = world.database
    const states = await sql`select state, count(*)::int from ledger.leases group by 1`
    expect([...states]).toEqual([{ state: 'reclaimed', count: LEASES }])
    expect(await world.imbalances()).toEqual([])
  })

  it('settles every other shard, and gives escrow back, when one shard fails', async ({
    expect,
  }) => {
    await lease()
    await world.advance(211_000)
    const promised = await twoPromises()
    const effect = { kind: 'drop' as const }
    world.payos.postgrest.faults.add({ match: 'settle_x402_batch', effect })

    await expect(runClock(world)).rejects.toThrow('scheduled')

    expect(await countSettled(world, promised)).toBe(1)
    const { sql } = world.database
    expect(
      await sql`select from ledger.leases where reclaim_after <= ledger.clock()
      and state <> 'reclaimed'`,
    ).toHaveLength(0)
    await runClock(world)
    expect(await countSettled(world, promised)).toBe(2)
  })
})
