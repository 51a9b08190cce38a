import type { World } from './databases.ts'
import { type Order, settleValues } from './order.ts'
import type { SqlCall } from './payers.ts'

/**
 * The rows a payment writes and nothing else: no key, price, policy or replay is judged, no function
 * is called, no answer is put together. No judgement of ours can be faster than none.
 */
export function bareCall(world: Pick<World, 'url' | 'parties'>): SqlCall {
  const [provider] = world.parties.providers
  if (!provider) throw new Error('nobody to pay')
  const { id, endpointId } = provider
  const statement = `
    with spent as (
      update ledger.wallets as w set
        balance = w.balance - $4::bigint, day = current_date, day_spent = w.day_spent + $4::bigint,
        month = current_date, month_spent = w.month_spent + $4::bigint
      where w.id = $2::uuid returning w.id
    ), paid as (
      insert into ledger.payments (id, wallet_id, request_id, endpoint_id, provider_id, amount,
        currency, price_version, resource_hash, state, created_at)
      select $1::uuid, s.id, $3, '${endpointId}', '${id}', $4::bigint, $5, 1,
        decode(repeat('00', 16), 'hex'), 'settled', now()
      from spent as s returning amount
    )
    insert into ledger.credit_inbox (provider_id, endpoint_id, currency, amount, paid_on)
    select '${id}', '${endpointId}', $5, p.amount, current_date from paid as p
    returning '{"replayed": false}'`
  return { url: world.url(), setup: [], statement, values: bareValues }
}

function bareValues(order: Order): string[] {
  const [, , paymentId = '', walletId = '', requestId = '', , units = '', currency = ''] =
    settleValues(order)
  return [paymentId, walletId, requestId, units, currency]
}
