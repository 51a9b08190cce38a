import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { openWorld, type World } from './support/world.ts'

const LEASES = 250

const async = { body: { settlement: 'async' } }

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
  const promised = new Map<number, string>()
  const order = (name: string) =>
    fetch(`${world.payos.qstash.url}/__control/${name}`, {
      method: 'POST',
      body: JSON.stringify({ publishes: 'accept' }),
    })
  await order('pause')
  while (promised.size < 2) {
    const agent = await world.agent()
    await world.operate('put_x402_settlement', [agent.walletId, 'async'])
    let paid = await world.pay(agent, endpoint, async)
    while (paid.body.status !== 'held') paid = await world.pay(agent, endpoint, async)
    promised.set(Number.parseInt(agent.walletId.slice(-2), 16) % 64, paid.body.paymentId)
  }
  return [...promised.values()]
}

const clock = () => world.payos.edges.edges[0]?.dispatchScheduled('* * * * *')

const settled = async (ids: readonly string[]) =>
  (await world.database.sql`select from ledger.payments where id = any(${ids}::uuid[])`).length

describe('the clock', () => {
  it(`gives the escrow of ${LEASES} leases back in one minute, once it is due`, async ({
    expect,
  }) => {
    for (let at = 0; at < LEASES; at += 10) {
      await Promise.all(Array.from({ length: 10 }, lease))
    }
    await world.advance(211_000)

    await clock()

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

    await expect(clock()).rejects.toThrow('scheduled')

    expect(await settled(promised)).toBe(1)
    const { sql } = world.database
    expect(
      await sql`select from ledger.leases where reclaim_after <= ledger.clock()
      and state <> 'reclaimed'`,
    ).toHaveLength(0)
    await clock()
    expect(await settled(promised)).toBe(2)
  })
})
