import { randomUUID } from 'node:crypto'
import { alternate } from '../measure/alternate.ts'
import { ofRounds, ratioOf } from '../measure/figure.ts'
import { WireStatement } from '../measure/wire.ts'
import type { Bench, Figure, Scenario } from '../scenario.ts'
import { assertBooks, type World } from '../world/databases.ts'
import { orders, SqlPayers } from '../world/payers.ts'
import { PRICE } from '../world/population.ts'

const SIZES = [1, 10, 100, 1000] as const
const CALLS = { 1: 200, 10: 60, 100: 30, 1000: 5 } as const
/** What each lease may promise, in payments: more than all rounds take from it. */
const LIMIT = 10_000

/** Settling what leases promised, by records a call, beside one payment a call. One caller. */
export const batch: Scenario = {
  name: 'batch',
  title: 'Settling promises in batches, over the wire protocol, one caller',
  async run(bench) {
    const wallets = bench.pick(100, 5000)
    await using world = await bench.databases.open({ agents: 16, wallets, providers: 1 })
    await using payers = await SqlPayers.open(world, 1)
    await using records = await Records.lend(world)
    const next = orders(world.parties)
    const share = bench.pick(0.1, 1)
    const direct = async () => {
      const count = Math.ceil(share * 200)
      const started = performance.now()
      for (let left = count; left > 0; left -= 1) await payers.once(next())
      return (count * 1000) / (performance.now() - started)
    }
    const rounds = await alternate(
      {
        direct,
        ...Object.fromEntries(
          SIZES.map((size) => [
            `of-${size}`,
            () => records.settle(size, Math.ceil(share * CALLS[size])),
          ]),
        ),
      } as Record<string, () => Promise<number>>,
      { rounds: bench.pick(1, 9), onRound: bench.progress },
    )
    await assertBooks(world, payers.made + records.made)
    return figuresOf(rounds, bench)
  },
}

function figuresOf(rounds: Record<string, number[]>, bench: Bench): Figure[] {
  const direct = rounds['direct'] ?? []
  const about = {
    unit: '/s' as const,
    method: `one connection, prepared statement, commits durable; random leases of ${bench.pick(100, 5000)}`,
    asserted: 'every record was answered settled; the ledger has exactly that many; books balance',
  }
  const titles: Record<string, string> = {
    direct: 'One settle_x402_payment a payment',
    ...Object.fromEntries(
      SIZES.map((size) => [`of-${size}`, `settle_x402_batch of ${size.toLocaleString('en')}`]),
    ),
  }
  return Object.entries(titles).map(([name, title]) => {
    const mine = rounds[name] ?? []
    return ofRounds(
      {
        ...about,
        name: `batch/${name}`,
        title,
        ratio: { to: 'batch/direct', value: ratioOf(mine, direct) },
        ...(name === 'of-100' && { budget: { atLeast: 18_000 } }),
      },
      mine,
    )
  })
}

type Lease = { id: string; walletId: string; seq: number }

/** Records of promises, as a drain brings them, of leases that the ledger granted. */
class Records implements AsyncDisposable {
  readonly #statement: WireStatement
  readonly #leases: Lease[]
  readonly #provider: { id: string; endpointId: string }
  made = 0

  private constructor(
    statement: WireStatement,
    leases: Lease[],
    provider: { id: string; endpointId: string },
  ) {
    this.#statement = statement
    this.#leases = leases
    this.#provider = provider
  }

  /** Grants a lease to each wallet of a world. */
  static async lend({ sql, parties, url }: World): Promise<Records> {
    const ids = parties.wallets.map(({ id }) => id)
    const [provider] = parties.providers
    if (!provider) throw new Error('nobody to pay')
    await sql`select api.put_x402_settlement(id, 'async') from unnest(${ids}::uuid[]) as it (id)`
    await sql`
      select api.grant_x402_lease(id, 'local', 'bench', ${String(LIMIT * PRICE.units)}, '1')
      from unnest(${ids}::uuid[]) as it (id)`
    const rows = await sql`select id, wallet_id from ledger.leases where state = 'open'`
    if (rows.length !== ids.length) throw new Error(`${rows.length} leases of ${ids.length}`)
    const leases = rows.map((row) => ({ id: row['id'], walletId: row['wallet_id'], seq: 0 }))
    await sql`analyze`
    const text = 'select api.settle_x402_batch($1::text::jsonb)'
    const statement = await WireStatement.open(url('authenticator'), text, ['set role x402_drain'])
    return new Records(statement, leases, provider)
  }

  /** Payments a second over some calls of so many records each, which are made before. */
  async settle(size: number, calls: number): Promise<number> {
    const batches = Array.from({ length: calls }, () =>
      JSON.stringify(Array.from({ length: size }, () => this.#next())),
    )
    const started = performance.now()
    for (const records of batches) {
      const answer = (await this.#statement.run([records])) ?? ''
      const settled = answer.match(/"outcome" ?: ?"settled"/g)?.length
      if (settled !== size)
        throw new Error(`${settled} of ${size} settled: ${answer.slice(0, 300)}`)
    }
    const seconds = (performance.now() - started) / 1000
    this.made += calls * size
    return (calls * size) / seconds
  }

  #next() {
    const lease = this.#leases[Math.floor(Math.random() * this.#leases.length)] as Lease
    lease.seq += 1
    return {
      payment_id: randomUUID(),
      wallet_id: lease.walletId,
      request_id: randomUUID(),
      endpoint_id: this.#provider.endpointId,
      provider_id: this.#provider.id,
      amount: PRICE.units.toString(),
      currency: PRICE.currency,
      price_version: 1,
      resource_hash: 'AAAAAAAAAAAAAAAAAAAAAA',
      lease_id: lease.id,
      seq: lease.seq,
      made_at: Math.floor(Date.now() / 1000),
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#statement.close()
  }
}
