import { randomBytes } from 'node:crypto'
import connect, { type Sql } from 'postgres'
import { inject } from 'vitest'
import { cloneDatabase, dropDatabase } from '../../local/database.ts'
import { postgresFromUrl } from '../../local/postgres.ts'

export type SpecDatabase = {
  name: string
  /** The address of this database, for the superuser unless another user is named. */
  url: (user?: string) => string
  /** The database as its superuser, whom no policy or grant holds back. */
  sql: Sql
  close: () => Promise<void>
}

/** A database of the caller's own: roles, migrations and seed as shipped, and nothing else. */
export async function openDatabase(): Promise<SpecDatabase> {
  const { superuserUrl, template } = inject('postgres')
  const server = postgresFromUrl(superuserUrl)
  const name = `spec_${randomBytes(6).toString('hex')}`
  const sql = connect(await cloneDatabase(server, template, name), { onnotice: () => {} })
  return {
    name,
    url: (user) => server.url(name, user),
    sql,
    async close() {
      await sql.end({ timeout: 5 })
      await dropDatabase(server, name)
    },
  }
}
