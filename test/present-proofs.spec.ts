import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { type Agent, type Endpoint, openWorld, type World } from './support/world.ts'

/** As long as the name of a request may be, so that proofs are as long as they get. */
const longName = () => randomUUID().padEnd(64, '_')

const promising = () => ({ requestId: longName(), body: { settlement: 'async' } })

let world: World
let endpoint: Endpoint
let proofs: string[]

beforeAll(async () => {
  world = await openWorld()
  endpoint = await world.endpoint()
  const wallets = await Promise.all(Array.from({ length: 12 }, () => world.agent()))
  proofs = (await Promise.all(wallets.map(tenPromises))).flat()
  // Nothing but presenting can settle them now.
  await world.payos.redis.reset()
})
afterAll(() => world.close())

/** What a first lease holds: ten promises, or nine when one went to find that it is there. */
async function tenPromises(agent: Agent): Promise<string[]> {
  await world.operate('put_x402_settlement', [agent.walletId, 'async'])
  const held: string[] = []
  for (let tries = 0; tries < 100 && held.length < 9; tries++) {
    const { body } = await world.pay(agent, endpoint, promising())
    if (body.status === 'held') held.push(body.proof)
  }
  return held
}

const present = (some: readonly string[], more: object = {}) =>
  world.verify({ proofs: some, ...more }, { key: endpoint.provider.apiKey })

describe('POST /verify with proofs', () => {
  it('settles a hundred of the longest in one call, though they are over 64 KiB', async ({
    expect,
  }) => {
    const hundred = proofs.slice(0, 100)
    expect(JSON.stringify({ proofs: hundred }).length).toBeGreaterThan(2 ** 16)

    const presented = await present(hundred)

    expect(presented.status).toBe(200)
    const results: { valid: boolean; paymentId: string }[] = presented.body.results
    expect(results.filter(({ valid }) => valid)).toHaveLength(100)
    const ids = results.map(({ paymentId }) => paymentId)
    const settled = await world.database.sql`
      select from ledger.payments where id = any(${ids}::uuid[])`
    expect(settled).toHaveLength(100)
    expect(await world.imbalances()).toEqual([])
  })

  it('refuses a hundred and one, and settles none of them', async ({ expect }) => {
    const count = async () => (await world.database.sql`select from ledger.payments`).length
    const before = await count()

    const refused = await present(proofs.slice(0, 101))

    expect([refused.status, refused.body.code]).toEqual([400, 'malformed_request'])
    expect(refused.body.param).toBe('proofs')
    expect(await count()).toBe(before)
  })

  it('refuses what is longer than 128 KiB', async ({ expect }) => {
    const refused = await present(['x'.repeat(2 ** 17)])

    expect([refused.status, refused.body.code]).toEqual([413, 'body_too_large'])
    expect(refused.body.detail).toContain('128 KiB')
  })

  it('takes no more than 64 KiB of anything else', async ({ expect }) => {
    const refused = await world.verify({ proof: 'x'.repeat(2 ** 16) })

    expect([refused.status, refused.body.code]).toEqual([413, 'body_too_large'])
    expect(refused.body.detail).toContain('64 KiB')
  })
})
