import type { Deps } from './deps.ts'
import { sweepShards } from './drain.ts'
import { flushOutbox } from './outbox.ts'
import type { Region } from './regions.ts'

type MinuteDeps = Pick<Deps, 'outbox' | 'regions' | 'upkeep' | 'wakes'>

/** What is done each minute, whatever messages came or not; a duty that fails keeps none from its work. */
export async function everyMinute(deps: MinuteDeps): Promise<void> {
  const duties = await Promise.allSettled([
    deps.upkeep.rollUpCredits(),
    flushOutbox(deps),
    ...deps.regions.map(settleRegion),
  ])
  const failed = duties.find((duty) => duty.status === 'rejected')
  if (failed) throw failed.reason
}

/** Settles all that a region promised, then takes back the escrow nobody can draw on any more. */
async function settleRegion(region: Region): Promise<void> {
  await sweepShards(region)
  await region.escrow.reclaim()
}
