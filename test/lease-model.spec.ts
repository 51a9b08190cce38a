import fc from 'fast-check'
import { describe, it, onTestFinished } from 'vitest'
import { LeaseTeller } from './model/lease-tell.ts'
import { lateOwner, leaseWorld } from './model/lease-world.ts'
import { type Call, conservation, type State } from './model/ledger.ts'
import { LEASE_DIGEST, leaseDigest } from './support/lease-digest.ts'
import { shareLedgerClock } from './support/ledger-clock.ts'
import { prepareReplay, replay, type Step } from './support/ledger-replay.ts'
import { dispute, live, type Story } from './support/ledger-story.ts'
import { openDatabase } from './support/postgres.ts'

const WORLDS = 500
const MORE = 6
const seed = Number(process.env['FC_SEED'] ?? Date.now() % 2 ** 31)

const batches = ['settle_x402_batch', 'settle_x402_overdrawn']
const codes = [
  'endpoint_mismatch',
  'lease_mismatch',
  'lease_overdrawn',
  'lease_reclaimed',
  'lease_unknown',
  'malformed',
  'payment_mismatch',
  'redemption_over',
]

/** What a run has to have come by: one that never did has proved too little. */
const REACHED = [
  ...batches.flatMap((name) => [
    ...codes.map((code) => `${name} failed ${code}`),
    ...['replayed', 'settled', 'honoured'].map((outcome) => `${name} ${outcome}`),
  ]),
  'a batch repeats a record of its own',
  'a batch repeats an id of its own with other words',
  'a batch of several wallets and currencies',
  'a lease forked',
  'a lease open in each region',
  'a lease revoked by a change of its terms',
  'a payment paid by the wallet beyond its lease',
  'a proof nobody covered, covered later',
  'a reclaim of all that was held',
  'a reclaim of some of it',
  'a reclaim that waits for its shard',
  'a watermark that did not go back',
  'grant_x402_lease granted',
  'grant_x402_lease granted again',
  ...['agent_suspended', 'lease_ended', 'no_policy', 'no_right', 'no_room', 'not_found'].map(
    (reason) => `grant_x402_lease refused ${reason}`,
  ),
  'grant_x402_lease refused stopped',
  'grant_x402_lease refused wallet_frozen',
  'settle_x402_payment funds_in_lease',
]

type Heard = { outcome?: string; reason?: string; outcomes?: { outcome: string; code?: string }[] }

/** What was come by in one step, in the words of REACHED. */
function* reached(call: Call, said: unknown, ledger: State): Generator<string> {
  const { outcome, reason, outcomes = [] } = (said ?? {}) as Heard
  yield [call.name, outcome, reason].filter(Boolean).join(' ')
  for (const it of outcomes) yield [call.name, it.outcome, it.code].filter(Boolean).join(' ')
  if (call.name === 'settle_x402_batch') yield* repetitions(call.args.records, ledger)
  if (call.name === 'reclaim_x402_leases') {
    if ((said as { stalled: number }).stalled > 0) yield 'a reclaim that waits for its shard'
  }
}

/** Whether a grant was answered before; remembers it. */
function isRegrant(call: Call, said: unknown, granted: Set<string>): boolean {
  if (call.name !== 'grant_x402_lease' || (said as Heard).outcome !== 'granted') return false
  const { wallet_id, region, nonce } = call.args
  const name = `${wallet_id} ${region} ${nonce}`
  const again = granted.has(name)
  granted.add(name)
  return again
}

function* repetitions(json: string, ledger: State): Generator<string> {
  const records = JSON.parse(json) as { payment_id: unknown; lease_id: string }[]
  const ids = new Map<unknown, string>()
  for (const record of records) {
    const before = ids.get(record.payment_id)
    const words = JSON.stringify(record)
    if (before === words) yield 'a batch repeats a record of its own'
    else if (before) yield 'a batch repeats an id of its own with other words'
    ids.set(record.payment_id, words)
  }
  const leases = records.flatMap(({ lease_id }) => ledger.leases.get(lease_id) ?? [])
  const currencies = new Set(leases.map(({ currency }) => currency))
  if (currencies.size > 1) yield 'a batch of several wallets and currencies'
}

/** What the state at the end of a world shows to have happened in it. */
function* shown({ ledger, steps }: Story): Generator<string> {
  const leases = [...ledger.leases.values()]
  if (leases.some(({ forked }) => forked)) yield 'a lease forked'
  if (leases.some((it) => it.state === 'revoked' && !it.forked)) {
    yield 'a lease revoked by a change of its terms'
  }
  const open = leases.filter(({ state }) => state === 'open').map(({ walletId }) => walletId)
  if (new Set(open).size < open.length) yield 'a lease open in each region'
  if (leases.some(({ overdraft }) => overdraft > 0n)) {
    yield 'a payment paid by the wallet beyond its lease'
  }
  if (leases.some(({ returned, settled }) => returned > 0n && settled > 0n)) {
    yield 'a reclaim of some of it'
  }
  if (leases.some(({ returned, escrow }) => returned === escrow)) {
    yield 'a reclaim of all that was held'
  }
  if ([...ledger.unfunded.values()].some(({ funded }) => funded)) {
    yield 'a proof nobody covered, covered later'
  }
  const noted = steps.flatMap(({ name, args }) => (name === 'note_x402_drained' ? [args] : []))
  const [last] = noted.slice(-1)
  if (last && last.as_of !== null) {
    const through = ledger.watermarks.get(`${last.region} ${last.shards[0]}`) ?? 0
    if (through > last.as_of * 1000) yield 'a watermark that did not go back'
  }
}

/** The same story with every batch told record by record. */
const oneByOne = (steps: readonly Step[]): Step[] =>
  steps.flatMap((step): Step[] => {
    if (step.name !== 'settle_x402_batch' && step.name !== 'settle_x402_overdrawn') return [step]
    const records = JSON.parse(step.args.records) as unknown[]
    return records.map((it) => ({ ...step, args: { records: JSON.stringify([it]) } }))
  })

/** Outcomes of all batches, in order, however the batches were cut. */
const outcomesOf = (answers: readonly unknown[]): unknown[] =>
  answers.flatMap((said) => (said as Heard | null)?.outcomes ?? [])

describe('leases and their model', () => {
  it(`agree in ${WORLDS} random worlds (FC_SEED=${seed})`, { timeout: 300_000 }, async ({
    expect,
  }) => {
    const database = await openDatabase()
    const session = await database.sql.reserve()
    onTestFinished(async () => {
      session.release()
      await database.close()
    })
    await shareLedgerClock(database.sql)
    await prepareReplay(session)
    const comeBy = new Set<string>()

    const missing = () => REACHED.filter((what) => !comeBy.has(what))

    const agreement = fc.asyncProperty(leaseWorld, async (it) => {
      const teller = new LeaseTeller()
      const granted = new Set<string>()
      const story = live(
        it,
        (ledger, command) => teller.tell(ledger, command),
        (call, said, ledger) => {
          teller.heard(call, said)
          for (const what of reached(call, said, ledger)) comeBy.add(what)
          if (isRegrant(call, said, granted)) comeBy.add('grant_x402_lease granted again')
          expect(conservation(ledger)).toEqual([])
        },
      )
      for (const what of shown(story)) comeBy.add(what)

      const { steps } = story
      const end = { timeZone: it.timeZone, closing: LEASE_DIGEST }
      const told = await replay(session, { steps, ...end })
      const alone = await replay(session, { steps: oneByOne(steps), ...end })

      const quarrel = dispute(story, told.answers)
      if (quarrel) throw new Error(quarrel)
      expect(told.end).toEqual(leaseDigest(story.ledger))
      expect(outcomesOf(alone.answers)).toEqual(outcomesOf(story.answers))
      expect(alone.end).toEqual(told.end)
    })

    await fc.assert(agreement, { seed, numRuns: WORLDS, examples: [[lateOwner]] })
    // What is rare may not have come up: more worlds then, none of which may disagree either.
    for (let more = 1; more <= MORE && missing().length > 0; more++) {
      await fc.assert(agreement, { seed: seed + more, numRuns: WORLDS / 2 })
    }

    expect(missing()).toEqual([])
  })
})
