import connect, { type Sql } from 'postgres'
import { inject } from 'vitest'
import type { SpecDatabase } from './postgres.ts'

/**
 * Does to a database what a failover to a standby that lags behind does: what was committed since a
 * moment is gone.
 */
export class Failover {
  readonly #admin: Sql
  readonly #name: string

  constructor({ name }: Pick<SpecDatabase, 'name'>) {
    this.#admin = connect(inject('postgres').superuserUrl, { max: 1, onnotice: () => {} })
    this.#name = name
  }

  /** The standby hears no more from here on. */
  async fallBehind(): Promise<void> {
    await this.#alone(async (sql, name) => {
      await sql`create database ${sql(`${name}_behind`)} template ${sql(name)}`
    })
  }

  /** The standby takes over. */
  async takeOver(): Promise<void> {
    await this.#alone(async (sql, name) => {
      await sql`drop database ${sql(name)}`
      await sql`alter database ${sql(`${name}_behind`)} rename to ${sql(name)}`
    })
  }

  async close(): Promise<void> {
    await this.#admin.end()
  }

  /** Works while nobody is connected, and everybody has to connect anew. */
  async #alone(work: (sql: Sql, name: string) => Promise<void>): Promise<void> {
    const [sql, name] = [this.#admin, this.#name]
    await sql`alter database ${sql(name)} allow_connections false`
    await sql`select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = ${name}`
    await work(sql, name)
    await sql`alter database ${sql(name)} allow_connections true`
  }
}
