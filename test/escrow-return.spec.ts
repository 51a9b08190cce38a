import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, it } from 'vitest'
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

describe('the clock', () => {
  it(`gives the escrow of ${LEASES} leases back in one minute, once it is due`, async ({
    expect,
  }) => {
    for (let at = 0; at < LEASES; at += 10) {
      await Promise.all(Array.from({ length: 10 }, lease))
    }
    await world.advance(211_000)

    await world.payos.edges.edges[0]?.dispatchScheduled('* * * * *')

    const { sql } = world.database
    const states = await sql`select state, count(*)::int from ledger.leases group by 1`
    expect([...states]).toEqual([{ state: 'reclaimed', count: LEASES }])
    expect(await world.imbalances()).toEqual([])
  })
})
