import { alarmOfClock } from './alarm.ts'
import type { Deps } from './deps.ts'
import { sweepShards } from './drain.ts'
import { flushOutbox } from './outbox.ts'
import type { Region } from './regions.ts'

type MinuteDeps = Pick<Deps, 'clock' | 'outbox' | 'regions' | 'upkeep' | 'wakes'>

/** What is done each minute, whatever messages came or not; a duty that fails keeps none from its work. */
export async function everyMinute(deps: MinuteDeps): Promise<void> {
  const duties = await Promise.allSettled([
    deps.upkeep.rollUpCredits(),
    // Holds that end now are told with what is due now.
    deps.upkeep.expireHolds().finally(() => flushOutbox(deps)),
    ...deps.regions.map((region) => settleRegion(deps, region)),
    // Without regions too: escrow of one that was left out too early would be seen by nobody.
    audit(deps),
  ])
  const failed = duties.find((duty) => duty.status === 'rejected')
  if (failed) throw failed.reason
}

/** A record that is older outlived a sweep and what should have come before it, in seconds. */
const OLD_SECONDS = 120

/** Settles all that a region promised, then takes back the escrow nobody can draw on any more. */
async function settleRegion(
  { clock, wakes }: Pick<MinuteDeps, 'clock' | 'wakes'>,
  region: Region,
): Promise<void> {
  const { since, left, failures } = await sweepShards(region)
  const second = clock.nowSeconds()
  const ageSeconds = second - since
  if (ageSeconds > OLD_SECONDS)
    alarmOfClock('promises_waiting', { region: region.name, ageSeconds })
  await Promise.all(left.map((shard) => wakes.wakeShard({ region: region.name, shard, second })))
  await reclaimDue(region)
  if (failures.length > 0) throw failures[0]
}

/** Takes back all that is due: what a shard still holds back is not. */
async function reclaimDue(region: Region): Promise<void> {
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const { reclaimed } = await region.escrow.reclaim(RECLAIM_MOST)
    if (reclaimed < RECLAIM_MOST) break
  }
}

/** Leases reclaimed at once, while their wallets wait, and how often in a row. */
const RECLAIM_MOST = 200
const ROUNDS_MAX = 100

/** Escrow is back a minute after it is due; a drain that stalls keeps it. In seconds. */
const OVERDUE_SECONDS = 300

/** Has the ledger audit itself, and calls for people when something is not as it should be. */
async function audit({ upkeep }: MinuteDeps): Promise<void> {
  const { violations, unfundedProofs, overdueSeconds, openForks, newStops } = await upkeep.audit()
  const [first] = violations
  if (first) alarmOfClock('audit_violation', { ...first, violations: violations.length })
  if (unfundedProofs > 0) alarmOfClock('unfunded_proofs', { proofs: unfundedProofs })
  if (openForks > 0) alarmOfClock('leases_forked', { leases: openForks })
  if (newStops > 0) alarmOfClock('wallets_stopped', { wallets: newStops })
  if (overdueSeconds > OVERDUE_SECONDS) alarmOfClock('escrow_overdue', { overdueSeconds })
}
