import { isDeepStrictEqual } from 'node:util'
import { describe, it, onTestFinished } from 'vitest'
import { liveMany } from './simulation/fleet.ts'
import { live } from './simulation/run.ts'
import { SOMETIMES } from './simulation/sometimes.ts'
import { storyOf } from './simulation/story.ts'
import { LEASE_DIGEST, leaseDigest } from './support/lease-digest.ts'
import { shareLedgerClock } from './support/ledger-clock.ts'
import { prepareReplay, replay } from './support/ledger-replay.ts'
import { openDatabase } from './support/postgres.ts'

/** More of them, or others, are lived by `npm run simulate`; these are the same in every run. */
const SEEDS = 1_000
const EVERY_50TH = Array.from({ length: SEEDS / 50 }, (_, at) => 1n + BigInt(50 * at))
/** Seeds that broke something: Postgres is asked whether the model or the edge was wrong. */
const broke: bigint[] = []

describe('the simulation', () => {
  it('tells the same story of the same seed, word for word', async ({ expect }) => {
    const once = await live(storyOf(17n))
    const again = await live(storyOf(17n))

    expect(again.steps).toEqual(once.steps)
    expect(again.trace).toBe(once.trace)
  })

  it(`holds every invariant in ${SEEDS} worlds, and comes by all that can happen`, {
    timeout: 1_800_000,
  }, async ({ expect }) => {
    const tally = await liveMany({ from: 1n, seeds: SEEDS })

    broke.push(...tally.failed.map(({ seed }) => BigInt(seed)))
    expect(tally.failed).toEqual([])
    expect(tally.seeds).toBe(SEEDS)
    expect(SOMETIMES.filter((what) => !tally.reached.has(what))).toEqual([])
  })

  it(`has Postgres answer as its model did in every 50th world, and in each that broke`, {
    timeout: 900_000,
  }, async ({ expect }) => {
    const database = await openDatabase()
    const session = await database.sql.reserve()
    onTestFinished(async () => {
      session.release()
      await database.close()
    })
    await shareLedgerClock(database.sql)
    await prepareReplay(session)

    for (const seed of [...EVERY_50TH, ...broke]) {
      const { steps, answers, ledger } = await live(storyOf(seed))
      const told = await replay(session, { steps, timeZone: 'UTC', closing: LEASE_DIGEST })

      const said = told.answers as unknown[]
      const at = answers.findIndex((answer, step) => !isDeepStrictEqual(answer, said[step]))
      expect([seed, steps[at], said[at]]).toEqual([seed, steps[at], answers[at]])
      expect(told.end).toEqual(leaseDigest(ledger))
    }
  })
})
