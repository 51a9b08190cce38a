import type { Sql } from 'postgres'
import { at, cast, endpoints } from '../model/cast.ts'
import type { Call } from '../model/ledger.ts'
import { ask, payment } from './ledger-crowd.ts'

type Asks = Pick<Sql, 'unsafe'>
type Outcome = { outcome: string; code?: string }

/** Lets a wallet be lent from, and answers the id of a lease in each region. */
export async function lend(
  sql: Asks,
  options: { wallet?: number; regions?: string[]; limit?: string } = {},
): Promise<string[]> {
  const { wallet = 0, regions = ['eu'], limit = '100' } = options
  const wallet_id = at(cast.wallets, wallet)
  await ask(sql, { name: 'put_x402_settlement', args: { wallet_id, settlement: 'async' } })
  const ids: string[] = []
  for (const region of regions) {
    const grant = { wallet_id, region, nonce: 'n', wanted: limit, needed: limit }
    const said: unknown = await ask(sql, { name: 'grant_x402_lease', args: grant })
    ids.push((said as { lease: { lease_id: string } }).lease.lease_id)
  }
  return ids
}

/** The promise of exactly what `payment` asks for, from a lease. */
export function promise(
  leaseId: string,
  seq: number,
  asked: { requestId: string; endpoint?: number; paymentId?: string },
): Record<string, unknown> {
  const { requestId, endpoint = 0 } = asked
  const { args } = payment(requestId, { endpoint })
  return {
    payment_id: asked.paymentId ?? args.payment_id,
    request_id: requestId,
    endpoint_id: args.endpoint_id,
    provider_id: at(cast.providers, at(endpoints, endpoint).provider),
    amount: args.amount,
    currency: args.currency,
    price_version: 1,
    resource_hash: 'A'.repeat(22),
    lease_id: leaseId,
    seq,
    made_at: Math.floor(Date.now() / 1000),
  }
}

/** What a batch comes to, one word a record. */
export async function settle(sql: Asks, records: readonly object[]): Promise<string[]> {
  const call: Call = { name: 'settle_x402_batch', args: { records: JSON.stringify(records) } }
  const said: unknown = await ask(sql, call)
  return (said as { outcomes: Outcome[] }).outcomes.map(({ outcome, code }) => code ?? outcome)
}
