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
  for (const { name } of undo) {
    await cp(join(migrations, `${name}.sql`), join(directory, `${name}.sql`))
  }
})

afterAll(async () => {
  await sql?.end()
  await dropDatabase(server, database)
  await rm(directory, { recursive: true, force: true })
})

const objects = () => sql`
  select n.nspname || '.' || p.proname as name from pg_proc as p
    join pg_namespace as n on n.oid = p.pronamespace where n.nspname in ('api', 'ledger')
  union all
  select n.nspname || '.' || c.relname from pg_class as c
    join pg_namespace as n on n.oid = c.relnamespace where n.nspname in ('api', 'ledger')
  order by 1`

describe('the runbook', () => {
  it('tells the migrations of the synchronous payment, newest first', async ({ expect }) => {
    const files = (await readdir(migrations)).sort().slice(0, undo.length)
    expect(undo.map(({ name }) => `${name}.sql`)).toEqual(files.reverse())
  })

  it('takes each of them back, and each can be applied again', async ({ expect }) => {
    await applyMigrations(server.url(database), { directory })
    const before = await objects()
    for (const { version, sql: statements } of undo) {
      await sql.begin(async (tx) => {
        await tx.unsafe(statements)
        await tx`delete from supabase_migrations.schema_migrations where version = ${version}`
      })
    }
    expect(await objects()).toEqual([])
    await applyMigrations(server.url(database), { directory })
    expect(await objects()).toEqual(before)
  })
})
