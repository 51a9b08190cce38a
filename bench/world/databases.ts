import { randomBytes } from 'node:crypto'
import connect, { type Sql } from 'postgres'
import { cloneDatabase, createTemplate, dropDatabase } from '../../local/database.ts'
import type { Postgres } from '../../local/postgres.ts'
import { type Parties, type Population, populate } from './population.ts'

/** A database with its parties in it, and nothing stored yet. */
export type World = AsyncDisposable & {
  parties: Parties
  /** As its superuser. */
  sql: Sql
  url: (user?: string) => string
}

/** Populated databases, each made once and cloned for whoever measures next. */
export class Databases {
  readonly postgres: Postgres
  #template: string | undefined
  readonly #populated = new Map<string, { name: string; parties: Parties }>()

  constructor(postgres: Postgres) {
    this.postgres = postgres
  }

  /** A database of its own for one scenario: what one stores, no other finds. */
  async open(population: Population): Promise<World> {
    const source = await this.#source(population)
    const name = `bench_${randomBytes(6).toString('hex')}`
    const sql = connect(await cloneDatabase(this.postgres, source.name, name), {
      onnotice: () => {},
    })
    return {
      parties: source.parties,
      sql,
      url: (user) => this.postgres.url(name, user),
      [Symbol.asyncDispose]: async () => {
        await sql.end({ timeout: 5 })
        await dropDatabase(this.postgres, name)
      },
    }
  }

  async #source(population: Population) {
    const key = JSON.stringify(population)
    const known = this.#populated.get(key)
    if (known) return known

    this.#template ??= await createTemplate(this.postgres)
    const name = `bench_source_${this.#populated.size}_${randomBytes(4).toString('hex')}`
    const sql = connect(await cloneDatabase(this.postgres, this.#template, name), {
      onnotice: () => {},
    })
    const source = { name, parties: await populate(sql, population) }
    await sql.end({ timeout: 5 })
    this.#populated.set(key, source)
    return source
  }
}

/** Fails unless money is conserved and exactly `payments` were made in a world. */
export async function assertBooks({ sql }: Pick<World, 'sql'>, payments: number): Promise<void> {
  const wrong = await sql`select account from ledger.books where stored is distinct from posted`
  if (wrong.length > 0) throw new Error(`${wrong.length} accounts do not balance`)
  const made = await countPayments({ sql })
  if (made !== payments) throw new Error(`${payments} payments answered, ${made} in the ledger`)
}

export async function countPayments({ sql }: Pick<World, 'sql'>): Promise<number> {
  const [row] = await sql`select count(*)::int as made from ledger.payments`
  return row?.['made']
}

/** Fails unless what came in from outside is, to the unit, what all accounts hold. */
export async function assertConserved({ sql }: Pick<World, 'sql'>): Promise<void> {
  const [row] = await sql`
    select (select sum(amount) from ledger.transfers where template = 'deposit')
      = (select sum(balance) from ledger.wallets)
      + (select coalesce(sum(balance), 0) from ledger.earnings)
      + (select coalesce(sum(amount), 0) from ledger.credit_inbox) as conserved`
  if (row?.['conserved'] !== true) throw new Error('money is not conserved')
}
