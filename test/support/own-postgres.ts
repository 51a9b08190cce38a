import connect from 'postgres'
import { cloneDatabase, createTemplate } from '../../local/database.ts'
import { type Postgres, startPostgres } from '../../local/postgres.ts'
import type { SpecDatabase } from './postgres.ts'

export type OwnPostgres = { postgres: Postgres; database: SpecDatabase }

/** A server of the spec's own, which it may kill, with a database as shipped. Closing ends both. */
export async function openOwnPostgres(name: string): Promise<OwnPostgres> {
  const postgres = await startPostgres()
  await cloneDatabase(postgres, await createTemplate(postgres), name)
  const sql = connect(postgres.url(name), { onnotice: () => {} })
  const database = {
    name,
    url: (user?: string) => postgres.url(name, user),
    sql,
    async close() {
      await sql.end({ timeout: 0 })
      await postgres.stop()
    },
  }
  return { postgres, database }
}
