import type { Sql } from 'postgres'
import type { World } from './databases.ts'

const CHUNK = 100_000

/**
 * Writes `count` settled payments of the past month into a world, in SQL: rows, balances, earnings
 * and statistics as if each had been paid and rolled up, so that the books balance.
 */
export async function storePayments(
  { sql, parties }: Pick<World, 'sql' | 'parties'>,
  count: number,
  onProgress: (done: number, all: number) => void,
): Promise<void> {
  const wallets = parties.wallets.map(({ id }) => id)
  const [provider] = parties.providers
  if (!provider) throw new Error('nobody to pay')
  for (let from = 0; from < count; from += CHUNK) {
    onProgress(from, count)
    const to = Math.min(from + CHUNK, count) - 1
    await sql.begin((tx) => storeChunk(tx as unknown as Sql, { wallets, provider, from, to }))
  }
  await sql`vacuum analyze`
}

type Chunk = {
  wallets: string[]
  provider: { id: string; endpointId: string }
  from: number
  to: number
}

/** Ids are hashes, as real ones are, so that the index grows as it does in life. */
async function storeChunk(sql: Sql, { wallets, provider, from, to }: Chunk): Promise<void> {
  const { id, endpointId } = provider
  await sql`
    with made as (
      insert into ledger.payments (id, wallet_id, request_id, endpoint_id, provider_id, amount,
        currency, price_version, resource_hash, state, created_at)
      select md5('payment ' || n)::uuid, wallets[1 + n % cardinality(wallets)],
        md5('request ' || n), ${endpointId}, ${id}, 1000, 'USDC', 1,
        decode(md5('resource'), 'hex'), 'settled', now() - (n % 2592000) * interval '1 second'
      from generate_series(${from}::int, ${to}::int) as n,
        (select ${wallets}::uuid[] as wallets) as parties
      returning wallet_id, amount, created_at
    ), paid as (
      update ledger.wallets as w set balance = w.balance - spent.amount
      from (select wallet_id, sum(amount) as amount from made group by 1) as spent
      where w.id = spent.wallet_id
    ), counted as (
      insert into ledger.endpoint_stats as s (endpoint_id, day, payments, volume)
      select ${endpointId}::uuid, (created_at at time zone 'UTC')::date, count(*), sum(amount)
      from made group by 2
      on conflict (endpoint_id, day) do update set
        payments = s.payments + excluded.payments, volume = s.volume + excluded.volume
    )
    insert into ledger.earnings as e (provider_id, currency, balance)
    select ${id}::uuid, 'USDC', sum(amount) from made
    on conflict (provider_id, currency) do update set balance = e.balance + excluded.balance`
}
