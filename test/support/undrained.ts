import { randomUUID } from 'node:crypto'
import type { Answer } from './http.ts'
import { countSettled, openBorrower, orderQstash, payAsync } from './promises.ts'
import { type Agent, type Endpoint, openWorld, type World } from './world.ts'

/** The edges of such a world: the first is near to the south, the other to the north. */
const LIMA = 0
export const OSLO = 1
type RegionName = 'south' | 'north'

export type Promised = { agent: Agent; requestId: string; paymentId: string; proof: string }

/** What is told of a payment of which nobody can say now whether it was promised. */
export const unavailable = [503, 'dependency_unavailable', 'same_request']
export const outcomeOf = ({ status, body }: Answer) => [status, body.code, body.retry]

export const openRegions = (): Promise<World> =>
  openWorld({
    locations: ['lima', 'oslo'],
    continents: { lima: 'SA', oslo: 'EU' },
    regions: [
      { name: 'south', continents: ['SA'] },
      { name: 'north', continents: ['*'] },
    ],
  })

/** A world whose promises wait to be drained, with the verbs of what keeps them waiting. */
export function undrained(world: World, endpoint: Endpoint) {
  const faultsOf = (region: RegionName) => world.payos.regions.get(region)?.faults
  const { faults: ledgerFaults } = world.payos.postgrest
  return {
    /** A promise of one region that is in its Redis and in its proof, and nowhere else. */
    async promise(edge = LIMA): Promise<Promised> {
      const agent = await openBorrower(world, { endpoint, edges: [edge] })
      await orderQstash(world, 'pause', { publishes: 'accept' })
      const requestId = randomUUID()
      const { body } = await payAsync(world, { agent, endpoint, edge, requestId })
      return { agent, requestId, paymentId: body.paymentId, proof: body.proof }
    },
    isSettled: async ({ paymentId }: Promised) => (await countSettled(world, [paymentId])) === 1,
    silence: (region: RegionName) => faultsOf(region)?.add({ times: 0, effect: { kind: 'drop' } }),
    hear: (region: RegionName) => faultsOf(region)?.clear(),
    standLedgerStill: () =>
      ledgerFaults.add({ match: 'settle_x402_batch', times: 0, effect: { kind: 'drop' } }),
    letLedgerGoOn: () => ledgerFaults.clear(),
    /** Ends all that is wrong, and whatever came of it. */
    async mend(): Promise<void> {
      ledgerFaults.clear()
      for (const redis of world.payos.regions.values()) redis.faults.clear()
      // Past the time in which an edge leaves a Redis alone that failed.
      await world.advance(6_000)
      await orderQstash(world, 'resume')
    },
  }
}
