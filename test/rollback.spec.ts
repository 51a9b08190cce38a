import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { cp, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import connect, { type Sql } from 'postgres'
import { afterAll, beforeAll, describe, inject, it } from 'vitest'
import { applyMigrations, dropDatabase } from '../local/database.ts'
import { postgresFromUrl } from '../local/postgres.ts'

const runbook = readFileSync(new URL('../docs/runbook.md', import.meta.url), 'utf8')
const migrations = fileURLToPath(new URL('../supabase/migrations/', import.meta.url))

/** The statements that take a migration back, as the runbook has them, newest first. */
const undo = [...runbook.matchAll(/^#### (\d{14}_\w+)\n[^#]*?```sql\n([^`]*)```/gm)].map(
  ([, name = '', sql = '']) => ({ name, version: name.slice(0, 14), sql }),
)

const server = postgresFromUrl(inject('postgres').superuserUrl)
const database = `spec_${randomBytes(6).toString('hex')}`
let directory: string
let sql: Sql

beforeAll(async () => {
  const admin = connect(server.url('postgres'), { max: 1 })
  await admin`create database ${admin(database)}`
  await admin.end()
  sql = connect(server.url(database), { onnotice: () => {} })
  directory = await mkdtemp(join(tmpdir(), 'payos-migrations-'))
})

afterAll(async () => {
  await sql?.end()
  await dropDatabase(server, database)
  await rm(directory, { recursive: true, force: true })
})

/** All that migrations make, in words: what it is called, and what a view says. */
const objects = async () => {
  const rows = await sql<{ it: string }[]>`
    with ours as (select oid, nspname from pg_namespace where nspname in ('api', 'ledger'))
    select p.oid::regprocedure::text as it from pg_proc as p join ours on ours.oid = p.pronamespace
    union all
    select c.oid::regclass || ' ' || c.relkind::text || coalesce(pg_get_viewdef(c.oid), '')
    from pg_class as c join ours on ours.oid = c.relnamespace
    union all
    select c.oid::regclass || '.' || a.attname::text
    from pg_attribute as a join pg_class as c on c.oid = a.attrelid
      join ours on ours.oid = c.relnamespace
    where a.attnum > 0 and not a.attisdropped
    union all
    select t.tgname || ' on ' || t.tgrelid::regclass
    from pg_trigger as t join pg_class as c on c.oid = t.tgrelid
      join ours on ours.oid = c.relnamespace
    where not t.tgisinternal
    union all
    select t.oid::regtype::text from pg_type as t join ours on ours.oid = t.typnamespace
    where t.typtype = 'd'
    order by 1`
  return rows.map(({ it }) => it)
}

describe('the runbook', () => {
  it('tells every migration, newest first', async ({ expect }) => {
    const files = (await readdir(migrations)).sort()
    expect(undo.map(({ name }) => `${name}.sql`)).toEqual(files.reverse())
  })

  it('takes each of them back to what was before it, and it can be applied again', async ({
    expect,
  }) => {
    const before: string[][] = []
    for (const { name } of undo.toReversed()) {
      before.push(await objects())
      await cp(join(migrations, `${name}.sql`), join(directory, `${name}.sql`))
      await applyMigrations(server.url(database), { directory })
    }
    const all = await objects()

    for (const { name, version, sql: statements } of undo) {
      await sql.begin(async (tx) => {
        await tx.unsafe(statements)
        await tx`delete from supabase_migrations.schema_migrations where version = ${version}`
      })
      expect(await objects(), name).toEqual(before.pop())
    }
    await applyMigrations(server.url(database), { directory })
    expect(await objects()).toEqual(all)
  })
})
