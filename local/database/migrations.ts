import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Sql, TransactionSql } from 'postgres'
import { errorInFile, withAdmin } from './connect.ts'

export type Migration = { version: string; name: string }

/** Where a migration stands: `changed` and `missing` are applied, but not what is on disk. */
export type MigrationState = 'applied' | 'pending' | 'changed' | 'missing'

export type MigrationSource = {
  /** Absent: the project's `supabase/migrations`. */
  directory?: string | undefined
}

export type MigrationStep = Migration & { ms: number }

type MigrationFile = Migration & { path: string; text: string; checksum: string }
type MigrationRow = Migration & { checksum: string | null }

const DIRECTORY = fileURLToPath(new URL('../../supabase/migrations/', import.meta.url))
const NAME = /^(\d{14})_([a-z0-9_]+)\.sql$/
/** Any number that nobody else locks on: two migrators take turns. */
const LOCK = 402_2026

/**
 * Applies the migrations that are pending, in order, each in a transaction of its own, and returns
 * them. Applying again changes nothing; of two at once, one waits.
 *
 * They are recorded where the Supabase CLI looks, `supabase_migrations.schema_migrations`, with a
 * column `checksum` (SHA-256 of the file) of our own. Rows the CLI wrote have none and are taken
 * at their word.
 *
 * @throws when an applied migration is missing or changed on disk, or a pending one comes before it
 */
export async function applyMigrations(
  databaseUrl: string,
  options: MigrationSource & { onStep?: (step: MigrationStep) => void } = {},
): Promise<MigrationStep[]> {
  const files = await readMigrationFiles(options)
  return withAdmin(databaseUrl, async (sql) => {
    await sql.begin(createHistory)
    refuseDrift(compare(files, await readHistory(sql)))

    const steps: MigrationStep[] = []
    for (const file of files) {
      const start = performance.now()
      const applied = await sql.begin((tx) => applyOne(tx, file))
      if (!applied) continue
      const { version, name } = file
      const step = { version, name, ms: Math.round(performance.now() - start) }
      steps.push(step)
      options.onStep?.(step)
    }
    return steps
  })
}

/** Every migration on disk or in the database, in order, with its state. Changes nothing. */
export async function listMigrations(
  databaseUrl: string,
  source: MigrationSource = {},
): Promise<(Migration & { state: MigrationState })[]> {
  const files = await readMigrationFiles(source)
  return withAdmin(databaseUrl, async (sql) => compare(files, await readHistory(sql)))
}

/** The migrations that `applyMigrations` would apply, in order. Throws where it would. */
export async function pendingMigrations(
  databaseUrl: string,
  source: MigrationSource = {},
): Promise<Migration[]> {
  const all = await listMigrations(databaseUrl, source)
  refuseDrift(all)
  return all
    .filter(({ state }) => state === 'pending')
    .map(({ version, name }) => ({ version, name }))
}

async function readMigrationFiles({ directory }: MigrationSource): Promise<MigrationFile[]> {
  const folder = directory ?? DIRECTORY
  const names = await readdir(folder).catch(() => [])
  const files = names.filter((name) => name.endsWith('.sql')).sort()
  const migrations = await Promise.all(files.map((name) => readMigrationFile(folder, name)))
  const twice = migrations.find(({ version }, index) => migrations[index + 1]?.version === version)
  if (twice) throw new Error(`two migrations have the version ${twice.version}`)
  return migrations
}

async function readMigrationFile(folder: string, fileName: string): Promise<MigrationFile> {
  const [, version, name] = NAME.exec(fileName) ?? []
  if (version === undefined || name === undefined) {
    throw new Error(`${fileName} is no migration's name: YYYYMMDDHHMMSS_what.sql`)
  }
  // Git may check files out with other line ends; that changes nothing.
  const text = (await readFile(`${folder}/${fileName}`, 'utf8')).replaceAll('\r\n', '\n')
  const checksum = createHash('sha256').update(text).digest('hex')
  return { version, name, path: `supabase/migrations/${fileName}`, text, checksum }
}

async function createHistory(tx: TransactionSql): Promise<void> {
  await tx`select pg_advisory_xact_lock(${LOCK})`
  await tx.unsafe(`
    create schema if not exists supabase_migrations;
    create table if not exists supabase_migrations.schema_migrations (
      version text primary key,
      name text,
      statements text[]
    );
    alter table supabase_migrations.schema_migrations add column if not exists checksum text;
  `)
}

async function readHistory(sql: Sql): Promise<MigrationRow[]> {
  const [found] = await sql<{ columns: string[] | null }[]>`
    select array_agg(attname::text) as columns
      from pg_attribute
     where attrelid = to_regclass('supabase_migrations.schema_migrations') and attnum > 0
  `
  if (!found?.columns) return []
  const checksum = sql.unsafe(found.columns.includes('checksum') ? 'checksum' : 'null::text')
  return sql<MigrationRow[]>`
    select version, coalesce(name, '') as name, ${checksum} as checksum
      from supabase_migrations.schema_migrations
     order by version
  `
}

function compare(
  files: MigrationFile[],
  history: MigrationRow[],
): (Migration & { state: MigrationState })[] {
  const rows = new Map(history.map((row) => [row.version, row]))
  const onDisk = files.map(({ version, name, checksum }) => {
    const row = rows.get(version)
    rows.delete(version)
    const same = row?.checksum === null || row?.checksum === checksum
    const state: MigrationState = row === undefined ? 'pending' : same ? 'applied' : 'changed'
    return { version, name, state }
  })
  const missing = [...rows.values()].map(({ version, name }) => {
    return { version, name, state: 'missing' as const }
  })
  return [...onDisk, ...missing].sort((a, b) => (a.version < b.version ? -1 : 1))
}

function refuseDrift(all: (Migration & { state: MigrationState })[]): void {
  const lastApplied = all.findLastIndex(({ state }) => state !== 'pending')
  const complaints = all.flatMap(({ version, name, state }, index) => {
    const label = `${version}_${name}`
    if (state === 'missing') return [`${label} was applied and is missing on disk`]
    if (state === 'changed') return [`${label} was changed after it was applied`]
    if (state === 'pending' && index < lastApplied) return [`${label} comes before an applied one`]
    return []
  })
  if (complaints.length === 0) return
  throw new Error(`the database has another history of migrations:\n  ${complaints.join('\n  ')}`)
}

/** Whether it was this call that applied it. */
async function applyOne(tx: TransactionSql, file: MigrationFile): Promise<boolean> {
  const { version, name, text, checksum } = file
  await tx`select pg_advisory_xact_lock(${LOCK})`
  const [row] = await tx`
    select from supabase_migrations.schema_migrations where version = ${version}
  `
  if (row) return false
  await tx`reset all`
  await tx.unsafe(text).catch((cause: unknown) => {
    throw errorInFile(cause, file)
  })
  await tx`reset all`
  await tx`
    insert into supabase_migrations.schema_migrations (version, name, statements, checksum)
    values (${version}, ${name}, ${[text]}, ${checksum})
  `
  return true
}
