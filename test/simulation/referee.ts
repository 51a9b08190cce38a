import { isDeepStrictEqual } from 'node:util'
import connect, { type ReservedSql } from 'postgres'
import { cloneDatabase, createTemplate, dropDatabase } from '../../local/database.ts'
import { postgresFromUrl, startPostgres } from '../../local/postgres.ts'
import { LEASE_DIGEST, leaseDigest } from '../support/lease-digest.ts'
import { shareLedgerClock } from '../support/ledger-clock.ts'
import { prepareReplay, replay } from '../support/ledger-replay.ts'
import { live, type Outcome } from './run.ts'
import { storyOf } from './story.ts'

/** What Postgres said of stories that the model had answered. */
export type Replays = {
  replayed: number
  seconds: number
  differed: { seed: string; what: string }[]
}

/** Tells Postgres the stories of these seeds: the one of `DATABASE_URL`, else one of its own. */
export async function replayMany(seeds: readonly bigint[]): Promise<Replays> {
  const address = process.env['DATABASE_URL']
  const postgres = address ? postgresFromUrl(address) : await startPostgres()
  const template = await createTemplate(postgres)
  const name = `${template}_simulation`
  try {
    const sql = connect(await cloneDatabase(postgres, template, name), { onnotice: () => {} })
    await shareLedgerClock(sql)
    const session = await sql.reserve()
    await prepareReplay(session)
    const replays = await replayEach(session, seeds)
    session.release()
    await sql.end({ timeout: 5 })
    return replays
  } finally {
    await dropDatabase(postgres, name).catch(() => undefined)
    await dropDatabase(postgres, template)
    await postgres.stop()
  }
}

async function replayEach(session: ReservedSql, seeds: readonly bigint[]): Promise<Replays> {
  const replays: Replays = { replayed: 0, seconds: 0, differed: [] }
  for (const seed of seeds) {
    const outcome = await live(storyOf(seed))
    const started = performance.now()
    const what = await disagreement(session, outcome)
    replays.seconds += (performance.now() - started) / 1000
    replays.replayed += 1
    if (what) replays.differed.push({ seed: String(seed), what })
  }
  return replays
}

/** What Postgres answers otherwise than the model did in a story that was lived; or nothing. */
export async function disagreement(
  session: ReservedSql,
  { steps, answers, ledger }: Outcome,
): Promise<string | undefined> {
  const told = await replay(session, { steps, timeZone: 'UTC', closing: LEASE_DIGEST })
  const said = told.answers as unknown[]
  const at = answers.findIndex((answer, step) => !isDeepStrictEqual(answer, said[step]))
  const show = (value: unknown) => JSON.stringify(value)
  if (at >= 0) {
    return `step ${at}, ${show(steps[at])}: ${show(said[at])}, the model: ${show(answers[at])}`
  }
  return isDeepStrictEqual(told.end, leaseDigest(ledger)) ? undefined : 'another ledger at the end'
}
