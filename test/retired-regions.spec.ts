import { randomUUID } from 'node:crypto'
import { afterEach, describe, it } from 'vitest'
import { openBorrower, payAsync, runClock } from './support/promises.ts'
import { openWorld, type World } from './support/world.ts'

let world: World

afterEach(async ({ expect }) => {
  expect(await world.imbalances()).toEqual([])
  await world.close()
})

/** A lease from before its region was given up; past the time its escrow is due, unless it was drained. */
async function leaseOf(region: string): Promise<string> {
  const { walletId } = await world.agent()
  await world.operate('put_x402_settlement', [walletId, 'async'])
  await world.operate('grant_x402_lease', [walletId, region, randomUUID(), '10000', '1000'])
  await world.advance(600_000)
  return walletId
}

const statesOf = async (walletId: string) =>
  (await world.database.sql`select state from ledger.leases where wallet_id = ${walletId}`).map(
    ({ state }) => state,
  )

describe('a region near to no continent', () => {
  it('promises nothing more, and gives back the escrow of what it lent', async ({ expect }) => {
    world = await openWorld({
      regions: [
        { name: 'old', continents: [] },
        { name: 'new', continents: ['*'] },
      ],
    })
    const walletId = await leaseOf('old')
    const endpoint = await world.endpoint()
    const agent = await openBorrower(world, { endpoint })

    const paid = await payAsync(world, { agent, endpoint })
    await runClock(world)

    expect(paid.body.status).toBe('held')
    const { sql } = world.database
    expect(
      await sql`select distinct region from ledger.leases where wallet_id = ${agent.walletId}`,
    ).toMatchObject([{ region: 'new' }])
    expect(await statesOf(walletId)).toEqual(['reclaimed'])
  })
})

describe('a region the edge is told of no more', () => {
  it('keeps its escrow, for who names it again, and calls for people', async ({ expect }) => {
    world = await openWorld({ regions: [] })
    const walletId = await leaseOf('old')

    await runClock(world)

    expect(await statesOf(walletId)).toEqual(['open'])
    expect(world.payos.edges.logs().join('\n')).toContain('"alarm":"escrow_overdue"')
  })
})
