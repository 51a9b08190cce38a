import { EscrowFailure } from '../shared/adapters/postgrest-escrow.ts'
import type { Reservation } from '../shared/domain/lease.ts'
import type { PromiseOutcome, StreamRecord, Waiting } from '../shared/ports/leases.ts'
import { alarmOfClock } from './alarm.ts'
import type { Region } from './regions.ts'

type DrainDeps = Pick<Region, 'escrow' | 'leases'>

/** Records of one pass: one RPC of a few milliseconds. */
const BATCH_MAX = 200

/** Passes of one call; what is left then is for the next wake. */
const PASSES_MAX = 20

/** After so many failures a sweep takes it that the next would fail as well. */
const FAILURES_MAX = 3

/** What a drain came to. `waiting`: records that were there at the last look and still are. */
export type Drained = { settled: number; setAside: number; waiting: number }

/**
 * Settles what a shard's stream holds, oldest first, and removes exactly what has an outcome.
 *
 * Safe to run twice at once and to die anywhere: a record leaves the stream only after the ledger
 * has it, and the ledger knows what it has. A record nobody can settle is set aside, with an alarm, and
 * delays nobody. Throws when the ledger or the store fails; the records stay. `saidBefore`: the time by
 * the ledger, from before anything was read.
 */
export async function drainShard(
  deps: DrainDeps,
  shard: number,
  saidBefore?: number,
): Promise<Drained> {
  const { leases, escrow } = deps
  const total = { settled: 0, setAside: 0, waiting: 0 }

  let asOf = saidBefore
  let through: number | undefined
  for (let pass = 0; pass < PASSES_MAX; pass++) {
    const { waiting, records } = await leases.read(shard, BATCH_MAX)
    const saidBeforeRead = asOf
    total.waiting = waiting
    if (records.length > 0) {
      const settled = await settleRecords(deps, shard, records)
      asOf = settled.asOf ?? asOf
      total.settled += settled.settled
      total.setAside += settled.setAside
      total.waiting -= settled.settled + settled.setAside
    }
    // All there was when the ledger had said so is settled: nothing older is still on its way. Under
    // load the stream is never empty, and escrow would wait for a quiet moment.
    if (records.length === waiting) through = saidBeforeRead ?? through
    if (records.length === 0) break
  }
  if (through !== undefined) await escrow.noteDrained([shard], through)
  return total
}

/** What a sweep found and left: since when the oldest record waits, where records are still, and why. */
export type Swept = { since: number; left: number[]; failures: unknown[] }

/**
 * Drains every shard of the region that holds something, and notes the empty ones, so that escrow
 * comes back also where nobody pays any more. Run by the clock; needs no message from anyone.
 * A shard that fails keeps none of the others from being drained; `failures` says what came of it.
 */
export async function sweepShards(deps: DrainDeps): Promise<Swept> {
  const { leases, escrow } = deps
  const asOf = await escrow.noteDrained([], undefined)
  const shards = (await leases.survey()).map((it, shard) => ({ ...it, shard }))
  const empty = shards.filter(({ count }) => count === 0)
  await escrow.noteDrained(
    empty.map(({ shard }) => shard),
    asOf,
  )
  const full = shards.filter(({ count }) => count > 0)
  const swept: Swept = { since: oldestOf(shards, asOf), left: [], failures: [] }
  for (const { shard } of inTurn(full, asOf)) {
    if (swept.failures.length >= FAILURES_MAX) break
    try {
      const { waiting } = await drainShard(deps, shard, asOf)
      if (waiting > 0) swept.left.push(shard)
    } catch (failure) {
      swept.failures.push(failure)
    }
  }
  return swept
}

/** Since when the oldest record waits, in unix seconds; now, where none does. */
export const oldestOf = (shards: readonly Waiting[], nowSeconds: number): number =>
  Math.min(nowSeconds, ...shards.map(({ since }) => since ?? nowSeconds))

/** Begins with another one each minute, so that those that fail are not always the first. */
const inTurn = <Item>(items: readonly Item[], nowSeconds: number): Item[] => {
  const first = Math.floor(nowSeconds / 60) % Math.max(items.length, 1)
  return [...items.slice(first), ...items.slice(0, first)]
}

type Readable = StreamRecord & { reservation: Reservation }

/** Settles one pass of records, in two calls where leases no longer cover some of them. */
async function settleRecords(deps: DrainDeps, shard: number, records: readonly StreamRecord[]) {
  const readable = records.filter((it): it is Readable => it.reservation !== undefined)
  const unreadable = records.filter((it) => it.reservation === undefined)
  await setAside(
    deps,
    shard,
    unreadable.map(({ entry }) => ({ entry, reason: 'unreadable' })),
  )

  const settled = await settleOrBisect(deps, readable)
  const failed = settled.outcomes.flatMap((outcome, at) => {
    const record = readable[at]
    return record && outcome.outcome === 'failed' ? [{ ...record, reason: outcome.code }] : []
  })
  await setAside(deps, shard, failed)
  const gone = new Set(failed.map(({ entry }) => entry))
  const done = readable.filter(({ entry }) => !gone.has(entry)).map(({ entry }) => entry)
  await deps.leases.acknowledge(shard, done)
  const aside = failed.length + unreadable.length
  if (aside > 0) {
    alarmOfClock('promises_set_aside', { region: deps.leases.region, shard, setAside: aside })
  }
  return {
    asOf: settled.asOf,
    settled: done.length,
    setAside: aside,
  }
}

async function setAside(
  { leases }: DrainDeps,
  shard: number,
  records: readonly { entry: string; reason: string }[],
): Promise<void> {
  for (const record of records) await leases.quarantine(shard, record)
}

type Settled = { asOf: number | undefined; outcomes: readonly PromiseOutcome[] }

/** An outcome for each record. A batch that raises is halved until the record that raises is alone. */
async function settleOrBisect(deps: DrainDeps, records: readonly Readable[]): Promise<Settled> {
  if (records.length === 0) return { asOf: undefined, outcomes: [] }
  try {
    return await settleTwice(deps, records)
  } catch (failure) {
    if (!(failure instanceof EscrowFailure && failure.isPoison)) throw failure
    if (records.length === 1) {
      return { asOf: undefined, outcomes: [{ outcome: 'failed', code: 'raises' }] }
    }
    const half = Math.ceil(records.length / 2)
    const first = await settleOrBisect(deps, records.slice(0, half))
    const second = await settleOrBisect(deps, records.slice(half))
    return { asOf: first.asOf, outcomes: [...first.outcomes, ...second.outcomes] }
  }
}

/** Settles from the leases; what they no longer cover is asked of the wallets, in a second call. */
async function settleTwice({ escrow }: DrainDeps, records: readonly Readable[]): Promise<Settled> {
  const { asOf, outcomes } = await escrow.settle(records.map((it) => it.reservation))
  const uncovered = records.filter((_, at) => isUncovered(outcomes[at]))
  if (uncovered.length === 0) return { asOf, outcomes }

  const again = await escrow.settleOverdrawn(uncovered.map((it) => it.reservation))
  const second = new Map(uncovered.map((record, at) => [record, again.outcomes[at]]))
  return {
    asOf,
    outcomes: outcomes.map((first, at) => second.get(records[at] ?? never()) ?? first),
  }
}

const never = (): never => {
  throw new RangeError('there is an outcome for each record')
}

const isUncovered = (outcome: PromiseOutcome | undefined): boolean =>
  outcome?.outcome === 'failed' && ['lease_overdrawn', 'lease_reclaimed'].includes(outcome.code)
