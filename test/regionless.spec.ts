import { afterAll, afterEach, beforeAll, describe, it } from 'vitest'
import { providerOf } from './support/provider.ts'
import {
  openRegions,
  outcomeOf,
  type Promised,
  unavailable,
  undrained,
} from './support/undrained.ts'
import type { Endpoint, World } from './support/world.ts'

let world: World
let endpoint: Endpoint
let there: ReturnType<typeof undrained>
let provider: ReturnType<typeof providerOf>

/** From when the edge was told of regions; none is drained since. */
const promises: Promised[] = []
const take = () => promises.pop() as Promised

beforeAll(async () => {
  world = await openRegions()
  endpoint = await world.endpoint()
  there = undrained(world, endpoint)
  provider = providerOf(world, endpoint)
  for (let count = 0; count < 4; count++) promises.push(await there.promise())
  await world.payos.edges.setBindings({ LEASE_REGIONS: '[]' })
})
afterEach(async ({ expect }) => {
  await there.mend()
  expect(await world.imbalances()).toEqual([])
})
afterAll(() => world.close())

describe('an edge that is told of no region', () => {
  it('settles the promises whose proofs are presented', async ({ expect }) => {
    const promised = take()
    const key = endpoint.provider.apiKey

    const presented = await world.verify({ proofs: [promised.proof] }, { key })

    expect(presented.body.results).toEqual([{ valid: true, paymentId: promised.paymentId }])
    expect(await there.isSettled(promised)).toBe(true)
  })

  it('settles the promise whose proof it verifies', async ({ expect }) => {
    const promised = take()
    const { proof } = promised

    const checked = await world.verify(
      { proof, endpointId: endpoint.id },
      { key: endpoint.provider.apiKey },
    )

    expect(checked.body).toMatchObject({ valid: true, payment: { status: 'settled' } })
    expect(await there.isSettled(promised)).toBe(true)
  })

  it('settles a promise by its proof', async ({ expect }) => {
    const { proof, paymentId } = take()

    const settled = await provider.settle({ proof, amount: '0.001' })

    expect(settled.body).toMatchObject({ success: true, paymentId, status: 'settled' })
  })

  it('calls no proof good that the ledger does not settle', async ({ expect }) => {
    const { proof } = take()
    there.standLedgerStill()

    const presented = await world.verify({ proofs: [proof] }, { key: endpoint.provider.apiKey })

    expect(outcomeOf(presented)).toEqual(unavailable)
  })
})
