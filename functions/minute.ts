import { alarmOfClock } from './alarm.ts'
import type { Deps } from './deps.ts'
import { sweepShards } from './drain.ts'
import { flushOutbox } from './outbox.ts'
import type { Region } from './regions.ts'

type MinuteDeps = Pick<Deps, 'outbox' | 'regions' | 'upkeep' | 'wakes'>

/** What is done each minute, whatever messages came or not; a duty that fails keeps none from its work. */
export async function everyMinute(deps: MinuteDeps): Promise<void> {
  const duties = await Promise.allSettled([
    deps.upkeep.rollUpCredits(),
    // Holds that end now are told with what is due now.
    deps.upkeep.expireHolds().finally(() => flushOutbox(deps)),
    ...deps.regions.map(settleRegion),
    // Without regions too: escrow of one that was left out too early would be seen by nobody.
    audit(deps),
  ])
  const failed = duties.find((duty) => duty.status === 'rejected')
  if (failed) throw failed.reason
}

/** Settles all that a region promised, then takes back the escrow nobody can draw on any more. */
async function settleRegion(region: Region): Promise<void> {
  const { setAside, failures } = await sweepShards(region)
  if (setAside > 0) alarmOfClock('promises_set_aside', { region: region.name, setAside })
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
  const { violations, unfundedProofs, overdueSeconds } = await upkeep.audit()
  const [first] = violations
  if (first) alarmOfClock('audit_violation', { ...first, violations: violations.length })
  if (unfundedProofs > 0) alarmOfClock('unfunded_proofs', { proofs: unfundedProofs })
  if (overdueSeconds > OVERDUE_SECONDS) alarmOfClock('escrow_overdue', { overdueSeconds })
}
