import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { applyMigrations, listMigrations } from '../local/database.ts'
import { openDatabase, type SpecDatabase } from './support/postgres.ts'

const runbook = readFileSync(new URL('../docs/runbook.md', import.meta.url), 'utf8')

/** The statements that take a migration back, as the runbook has them. */
const undo = new Map(
  [...runbook.matchAll(/^#### (\d{14})_\w+\n[^#]*?```sql\n([^`]*)```/gm)].map(
    ([, version = '', sql = '']) => [version, sql],
  ),
)

let database: SpecDatabase

beforeAll(async () => {
  database = await openDatabase()
})

afterAll(() => database?.close())

const objects = () => database.sql`
  select n.nspname || '.' || p.proname as name from pg_proc as p
    join pg_namespace as n on n.oid = p.pronamespace where n.nspname in ('api', 'ledger')
  union all
  select n.nspname || '.' || c.relname from pg_class as c
    join pg_namespace as n on n.oid = c.relnamespace where n.nspname in ('api', 'ledger')
  order by 1`

describe('the runbook', () => {
  it('takes every migration back, newest first, and each can be applied again', async ({
    expect,
  }) => {
    const before = await objects()
    const migrations = await listMigrations(database.url())
    expect(migrations.map(({ version }) => version)).toEqual([...undo.keys()].reverse())

    for (const { version } of [...migrations].reverse()) {
      await database.sql.begin(async (tx) => {
        await tx.unsafe(undo.get(version) ?? '')
        await tx`delete from supabase_migrations.schema_migrations where version = ${version}`
      })
    }
    expect(await objects()).toEqual([])
    await applyMigrations(database.url())
    expect(await objects()).toEqual(before)
  })
})
