import { describe, it, onTestFinished } from 'vitest'
import { liveMany } from './simulation/fleet.ts'
import { disagreement } from './simulation/referee.ts'
import { live } from './simulation/run.ts'
import { SOMETIMES } from './simulation/sometimes.ts'
import { storyOf } from './simulation/story.ts'
import { payment, tell } from './simulation/telling.ts'
import { shareLedgerClock } from './support/ledger-clock.ts'
import { prepareReplay } from './support/ledger-replay.ts'
import { openDatabase } from './support/postgres.ts'

/** More of them, or others, are lived by `npm run simulate`; these are the same in every run. */
const SEEDS = 1_000
const EVERY_50TH = Array.from({ length: SEEDS / 50 }, (_, at) => 1n + BigInt(50 * at))
/** What lives them, and nothing else, has this long. */
const FIVE_MINUTES = 300_000
/** Seeds that broke something: Postgres is asked whether the model or the edge was wrong. */
const broke: bigint[] = []

describe('the simulation', () => {
  it('tells the same story of the same seed, word for word', async ({ expect }) => {
    const once = await live(storyOf(17n))
    const again = await live(storyOf(17n))

    expect(again.steps).toEqual(once.steps)
    expect(again.trace).toBe(once.trace)
  })

  it('blames nobody for what one half of a split does not know', async ({ expect }) => {
    const often = { tries: 5, repeats: 3 }
    const story = tell([
      payment(0, 500),
      { id: 100, at: 2_000, do: 'split', region: 0 },
      { id: 101, at: 2_500, do: 'evict', region: 0, what: 'request' },
      ...[1, 2, 3].map((id) => payment(id, 2_400 + 200 * id, often)),
    ])

    const lived = await live({ ...story, seed: '2' })

    expect(lived.reached.get('a promise made anew')).toBeGreaterThan(0)
    expect(lived.violations).toEqual([])
  })

  it(`holds every invariant in ${SEEDS} worlds, and comes by all that can happen`, {
    timeout: FIVE_MINUTES,
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
      const what = await disagreement(session, await live(storyOf(seed)))
      expect([seed, what]).toEqual([seed, undefined])
    }
  })
})
