import { setTimeout as pause } from 'node:timers/promises'
import { postgrestEscrow } from '../../shared/adapters/postgrest-escrow.ts'
import { postgrestLedger } from '../../shared/adapters/postgrest-ledger.ts'
import { redisStores } from '../../shared/adapters/redis.ts'
import { redisLeases } from '../../shared/adapters/redis-leases.ts'
import { EndpointId, WalletId } from '../../shared/domain/ids.ts'
import { SHARDS } from '../../shared/domain/lease.ts'
import { Amount } from '../../shared/domain/money.ts'
import type { Escrow, LeaseStore } from '../../shared/ports/leases.ts'
import { assertBooks } from './databases.ts'
import type { Edge } from './edge.ts'
import { PRICE, type Wallet } from './population.ts'

/** The one region of a PayOS on one machine. */
const REGION = 'local'
/** How long the last wakes and their drains may take, and after them a sweep of all that is left. */
const WAKES_MS = 3_000
const SWEEP_MS = 60_000

const clock = { nowSeconds: () => Math.floor(Date.now() / 1000) }
export const untimed = { wait: <Value>(_: string, trip: () => Promise<Value>) => trip() }

/** The leases of some wallets, as the edges see them, and what became of what they promised. */
export type Leases = {
  store: LeaseStore
  escrow: Escrow
  /** Gives each wallet a new lease for so many payments, and the region the quotes. */
  lend: (payments: number) => Promise<void>
  /** Waits until nothing promised is left to settle. */
  drained: () => Promise<void>
  /**
   * Fails unless exactly so many payments are in the ledger, books balance, and every promise and
   * all escrow is accounted for. Answers how many were paid from leases.
   */
  assert: (payments: number) => Promise<number>
}

/** Gives wallets the right to leases. From the edges' own adapters, called from here. */
export async function openLeases(edge: Edge, wallets: readonly Wallet[]): Promise<Leases> {
  const { payos, sql } = edge
  const ids = wallets.map(({ id }) => id)
  await sql`select api.put_x402_settlement(id, 'async') from unnest(${ids}::uuid[]) as it (id)`
  const { publishableKey, drainToken, redisToken } = payos.secrets
  const redis = { url: payos.redis.url, token: redisToken, environment: 'test' }
  const store = redisLeases({ ...redis, region: REGION }, clock)
  const database = { url: payos.postgrest.url, apiKey: publishableKey, token: drainToken }
  const escrow = postgrestEscrow({ ...database, region: REGION })

  return {
    store,
    escrow,
    async lend(payments) {
      await keepQuotes(edge, redis)
      await Promise.all(ids.map((id) => lendOne({ store, escrow }, id, payments)))
    },
    async drained() {
      const isDone = async () => (await countWaiting(edge)) === 0
      if (await holdsWithin(WAKES_MS, isDone)) return
      // What was reserved with its answer lost wakes nobody: it is the clock's, each minute.
      await payos.edges.edges[0]?.dispatchScheduled('* * * * *')
      if (!(await holdsWithin(SWEEP_MS, isDone))) throw new Error('promises were never settled')
    },
    async assert(payments) {
      await assertBooks(edge, payments)
      return assertAccounted(edge)
    },
  }
}

async function holdsWithin(ms: number, holds: () => Promise<boolean>): Promise<boolean> {
  const deadline = performance.now() + ms
  while (performance.now() < deadline) {
    if (await holds()) return true
    await pause(10)
  }
  return false
}

/** Records in all streams, past the stand-in's log: this is not the project's doing. */
async function countWaiting({ payos }: Edge): Promise<number> {
  const shards = Array.from({ length: SHARDS }, (_, shard) => shard)
  const counts = shards.map((shard) =>
    payos.redis.command('XLEN', `payos:test:${REGION}:stream:${shard}`),
  )
  return (await Promise.all(counts)).reduce<number>((sum, count) => sum + Number(count), 0)
}

type Lender = Pick<Leases, 'store' | 'escrow'>

async function lendOne({ store, escrow }: Lender, id: string, payments: number): Promise<void> {
  const walletId = WalletId.parse(id)
  const name = await store.prepare(walletId, crypto.randomUUID())
  // An edge is making one at this moment, or made one within three seconds.
  if (!name) return
  const needed = Amount.decode(PRICE.units.toString())
  const wanted = Amount.decode((PRICE.units * payments).toString())
  const granted = await escrow.grant({ walletId, name, wanted, needed })
  if (!('lease' in granted)) throw new Error(`no lease: ${granted.refused}`)
  if (!(await store.install(granted.lease, name))) throw new Error('the lease was not installed')
}

/** Tells the region what each endpoint costs, as an edge does when a payment lacked it. */
async function keepQuotes(
  { payos, parties }: Edge,
  redis: Parameters<typeof redisStores>[0],
): Promise<void> {
  const { publishableKey, edgeToken } = payos.secrets
  const database = { url: payos.postgrest.url, apiKey: publishableKey, token: edgeToken }
  const ledger = postgrestLedger(database)
  const { quotes } = redisStores(redis, clock)
  for (const { endpointId } of parties.providers) {
    const told = await ledger.quote(EndpointId.parse(endpointId), untimed)
    if (!told.ok || !told.value) throw new Error('the endpoint has no quote')
    await quotes.keep({ quote: told.value, toldAt: clock.nowSeconds() })
  }
}

/** Nothing was forked, overdrawn or left unfunded, and leases paid what was promised, no more. */
async function assertAccounted({ sql }: Pick<Edge, 'sql'>): Promise<number> {
  const [row] = await sql`
    select api.audit_x402() -> 'violations' as violations,
      (select count(*)::int from ledger.unfunded_proofs) as unfunded,
      (select count(*)::int from ledger.leases where forked or overdraft > 0) as wrong,
      (select coalesce(sum(settled), 0)::text from ledger.leases) as paid,
      (select count(*)::int from ledger.payments where overdrawn is false) as leased`
  const { violations, unfunded, wrong, paid, leased } = row ?? {}
  if (violations.length > 0) throw new Error(`the audit found ${JSON.stringify(violations)}`)
  if (unfunded > 0 || wrong > 0) throw new Error(`${unfunded} unfunded proofs, ${wrong} bad leases`)
  if (Number(paid) !== leased * PRICE.units) throw new Error(`leases paid ${paid} for ${leased}`)
  return leased
}
