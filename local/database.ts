import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { errorInFile, withAdmin } from './database/connect.ts'
import { applyMigrations, type MigrationSource } from './database/migrations.ts'
import { prepareRoles } from './database/roles.ts'
import type { Postgres } from './postgres.ts'

export { applyMigrations, listMigrations, pendingMigrations } from './database/migrations.ts'
export { prepareRoles } from './database/roles.ts'

const SEED = fileURLToPath(new URL('../supabase/seed.sql', import.meta.url))

/**
 * Creates a database with the roles, every migration and the seed, made to be cloned, and returns
 * its name. Nobody can connect to it, so a clone never has to wait for anyone.
 */
export async function createTemplate(
  postgres: Postgres,
  options: MigrationSource & { authenticatorPassword?: string } = {},
): Promise<string> {
  const template = `payos_template_${randomBytes(4).toString('hex')}`
  await prepareRoles(postgres, options)
  await withAdmin(postgres.url('postgres'), (sql) => sql`create database ${sql(template)}`)
  await applyMigrations(postgres.url(template), options)
  await applySeed(postgres.url(template))
  await withAdmin(postgres.url('postgres'), async (sql) => {
    await sql`alter database ${sql(template)} with is_template true allow_connections false`
  })
  return template
}

/** Creates the database `name` as a copy of `template` and returns its address. */
export async function cloneDatabase(
  postgres: Pick<Postgres, 'url'>,
  template: string,
  name: string,
): Promise<string> {
  await withAdmin(
    postgres.url('postgres'),
    (sql) => sql`create database ${sql(name)} template ${sql(template)}`,
  )
  return postgres.url(name)
}

/** Removes a database, a template as well, and whoever is still connected to it. */
export async function dropDatabase(postgres: Pick<Postgres, 'url'>, name: string): Promise<void> {
  await withAdmin(postgres.url('postgres'), async (sql) => {
    await sql`alter database ${sql(name)} with is_template false`
    await sql`drop database ${sql(name)} with (force)`
  })
}

/** Runs `supabase/seed.sql` whole or not at all; returns whether there is one. */
export async function applySeed(databaseUrl: string): Promise<boolean> {
  const text = await readFile(SEED, 'utf8').catch(() => undefined)
  if (text === undefined) return false
  await withAdmin(databaseUrl, (sql) =>
    sql
      .begin((tx) => tx.unsafe(text))
      .catch((cause: unknown) => {
        throw errorInFile(cause, { path: 'supabase/seed.sql', text })
      }),
  )
  return true
}
