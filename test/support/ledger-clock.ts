import type { Sql } from 'postgres'

/** Makes a database's one clock run `offsetMs` ahead of the real one (behind, when negative). */
export async function moveLedgerClock(sql: Sql, offsetMs: number): Promise<void> {
  await replaceLedgerClock(sql, `clock_timestamp() + interval '${offsetMs} milliseconds'`)
}

/**
 * Lets each transaction stop the clock for itself, with `set_config('ledger.now', <instant>, true)`;
 * for all others it runs.
 */
export async function shareLedgerClock(sql: Sql): Promise<void> {
  const set = `nullif(current_setting('ledger.now', true), '')::timestamptz`
  await replaceLedgerClock(sql, `coalesce(${set}, clock_timestamp())`)
}

/** Makes a database's one clock an SQL expression. A call under way may still read the former. */
export async function replaceLedgerClock(sql: Sql, now: string): Promise<void> {
  await sql.unsafe(`
    create or replace function ledger.clock() returns timestamptz
    language sql volatile parallel safe as $clock$ select ${now} $clock$
  `)
}
