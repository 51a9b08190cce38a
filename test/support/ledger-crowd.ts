import connect, { type Sql } from 'postgres'
import { onTestFinished } from 'vitest'
import { at, cast, endpoints, type Limits, open, wallets } from '../model/cast.ts'
import { type Call, paymentId } from '../model/ledger.ts'
import { statement } from './ledger-replay.ts'
import { openDatabase } from './postgres.ts'

/** What the ledger answers, as far as tests read it. */
export type Said = {
  outcome: string
  replayed?: boolean
  rule?: string
  reason?: string | null
  payment?: { payment_id: string; capture?: { attempt_id: string | null } | null } | null
}

export const NO_LIMITS: Limits = {
  payment: '1000000',
  day: '1000000',
  month: '1000000',
  providers: null,
}

/**
 * A ledger with the cast in it, each wallet with `funds` and within `limits`, and as many
 * connections to it as callers will use at once. Gone when the test ends.
 */
export async function openCrowd(options: { funds: string; limits?: Limits }) {
  const database = await openDatabase()
  const sql = connect(database.url(), { max: 24, onnotice: () => {}, prepare: false })
  onTestFinished(async () => {
    await sql.end({ timeout: 5 })
    await database.close()
  })
  const limits = cast.wallets.map(() => options.limits ?? NO_LIMITS)
  const calls = open({ deposits: cast.wallets.map(() => options.funds), limits })
  await sql.begin(async (tx) => {
    for (const call of calls) await tx.unsafe(statement(call))
  })
  return { sql, ask: (call: Call) => ask(sql, call) }
}

/** Makes a call on any connection; rejects with the database's error when it raises. */
export async function ask(sql: Pick<Sql, 'unsafe'>, call: Call): Promise<Said> {
  const [row] = await sql.unsafe(statement(call))
  return row?.['said']
}

/** A payment that nothing but policy and funds can refuse. Every endpoint costs 10 but one: 5. */
export function payment(
  requestId: string,
  options: { wallet?: number; endpoint?: number; capture?: 'automatic' | 'manual' } = {},
) {
  const { wallet = 0, endpoint = 0, capture = 'automatic' } = options
  const { agent } = at(wallets, wallet)
  const { price, currency, method } = at(endpoints, endpoint)
  const key = at(cast.agentKeys, agent)
  const content = {
    key_id: key.id,
    key_hash: key.hash,
    thumbprint: agent === 1 ? at(cast.signers, 0) : null,
    wallet_id: at(cast.wallets, wallet),
    request_id: requestId,
    endpoint_id: at(cast.endpoints, endpoint),
    amount: price,
    currency,
    method,
    resource: null,
    href: null,
    capture,
  }
  const args = { ...content, payment_id: paymentId(content) }
  return { name: 'settle_x402_payment', args } satisfies Call
}

/** How many answers of each kind there were: outcome, rule, reason, and whether it was a replay. */
export function tally(answers: readonly Said[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { outcome, rule, reason, replayed } of answers) {
    const words = [outcome, rule, reason, replayed ? 'again' : undefined]
    const label = words.filter((word) => typeof word === 'string').join(' ')
    counts[label] = (counts[label] ?? 0) + 1
  }
  return counts
}

/** Accounts whose balance is not the sum of their entries, and what the whole ledger sums up to. */
export async function audit(sql: Sql) {
  const unbalanced = await sql`select * from ledger.books where stored is distinct from posted`
  const [entries] = await sql`select coalesce(sum(amount), 0)::text as sum from ledger.entries`
  const [below] = await sql`
    select count(*)::int as accounts from ledger.books where stored < 0`
  return { unbalanced: [...unbalanced], sum: entries?.['sum'], belowZero: below?.['accounts'] }
}

export const BALANCED = { unbalanced: [], sum: '0', belowZero: 0 }

/** As many as asked for, made one by one. */
export const times = <Item>(count: number, make: (index: number) => Item) =>
  Array.from({ length: count }, (_, index) => make(index))

/** Resolves once someone waits for a lock in this database. */
export async function untilBlocked(sql: Sql): Promise<void> {
  for (;;) {
    const [row] = await sql`
      select count(*)::int as waiting from pg_catalog.pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'`
    if (row?.['waiting'] > 0) return
  }
}
