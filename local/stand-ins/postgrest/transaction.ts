import postgres from 'postgres'
import { Refusal } from './failure.ts'
import type { Pool } from './pool.ts'
import { type Row, type Session, SessionLost, type Statement } from './session.ts'
import { databaseFailure } from './sqlstate.ts'

export type Plan = {
  begin: Statement
  settings: Statement
  call: Statement
  rollback: boolean
  /** Exactly one row is wanted; with any other number the transaction is rolled back. */
  singular: boolean
  anonymous: boolean
}

const COMMIT: Statement = { text: 'commit' }
const ROLLBACK: Statement = { text: 'rollback' }
/** Deferred constraints speak up before a rollback that would silence them. */
const CHECK_NOW: Statement = { text: 'set constraints all immediate' }

/** Runs the call in a transaction of its own and answers its row, or refuses as PostgREST would. */
export async function transact(pool: Pool, plan: Plan): Promise<Row> {
  try {
    return await pool.use((session) => (plan.singular ? judged(session, plan) : run(session, plan)))
  } catch (cause) {
    throw refusalFor(cause, plan.anonymous)
  }
}

async function run(session: Session, plan: Plan): Promise<Row> {
  const end = plan.rollback ? [CHECK_NOW, ROLLBACK] : [COMMIT]
  const rows = await session.run([plan.begin, plan.settings, plan.call, ...end])
  return rows[2]?.[0] ?? {}
}

/** The end depends on the outcome, so it costs a trip more. */
async function judged(session: Session, plan: Plan): Promise<Row> {
  let row: Row | undefined
  try {
    const rows = await session.run([plan.begin, plan.settings, plan.call])
    row = rows[2]?.[0]
  } finally {
    const keep = row?.['total'] === '1' && !plan.rollback
    if (!session.lost) await session.run([keep ? COMMIT : ROLLBACK])
  }
  if (row?.['total'] !== '1') throw notSingular(row?.['total'] ?? '0')
  return row
}

function refusalFor(cause: unknown, anonymous: boolean): unknown {
  if (cause instanceof postgres.PostgresError) {
    return new Refusal(databaseFailure(cause, anonymous))
  }
  if (cause instanceof SessionLost) {
    return cause.reason
      ? new Refusal(databaseFailure(cause.reason, anonymous))
      : new Refusal(clientFailure(cause.message))
  }
  return cause
}

const clientFailure = (details: string) => ({
  status: 503,
  code: 'PGRST001',
  message: 'Database client error. Retrying the connection.',
  details,
})

const notSingular = (total: string) =>
  new Refusal({
    status: 406,
    code: 'PGRST116',
    message: 'Cannot coerce the result to a single JSON object',
    details: `The result contains ${total} rows`,
  })
