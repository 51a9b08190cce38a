import { cast } from '../model/cast.ts'
import type { State } from '../model/ledger.ts'

const ids = (list: readonly string[]) => `'{${list.join(',')}}'::uuid[]`

/** Asks the database for all that random worlds can have changed, in the shape of `digest`. */
export const DIGEST = `
  select jsonb_build_object(
    'wallets', (
      select jsonb_object_agg(w.id, jsonb_build_array(
        w.status, w.balance::text, w.day, w.day_spent::text, w.month, w.month_spent::text))
      from ledger.wallets as w where w.id = any (${ids(cast.wallets)})),
    'policies', (
      select coalesce(jsonb_object_agg(p.wallet_id, p.version), '{}')
      from ledger.policies as p where p.wallet_id = any (${ids(cast.wallets)})),
    'payments', (
      select coalesce(jsonb_agg(jsonb_build_array(
        p.id, p.wallet_id, p.request_id, p.endpoint_id, p.provider_id, p.amount::text, p.currency,
        p.price_version, p.state, extract(epoch from p.created_at) * 1000)
        order by p.id), '[]')
      from ledger.payments as p),
    'inbox', (
      select coalesce(jsonb_agg(jsonb_build_array(
        i.provider_id, i.endpoint_id, i.currency, i.amount::text, i.paid_on) order by i.seq), '[]')
      from ledger.credit_inbox as i),
    'earnings', (
      select coalesce(jsonb_object_agg(e.provider_id || ' ' || e.currency, e.balance::text), '{}')
      from ledger.earnings as e),
    'stats', (
      select coalesce(jsonb_object_agg(
        s.endpoint_id || ' ' || s.day, jsonb_build_array(s.payments, s.volume::text)), '{}')
      from ledger.endpoint_stats as s),
    'holds', (
      select coalesce(jsonb_object_agg(h.payment_id, jsonb_build_array(
        extract(epoch from h.expires_at) * 1000, h.ended_at is not null)), '{}')
      from ledger.holds as h),
    'captures', (
      select coalesce(jsonb_object_agg(c.payment_id, jsonb_build_array(
        c.attempt_id, c.captured::text, c.released::text)), '{}')
      from ledger.captures as c),
    'refunds', (
      select coalesce(jsonb_object_agg(r.payment_id || ' ' || r.refund_id, r.amount::text), '{}')
      from ledger.refunds as r),
    'redemptions', (
      select coalesce(jsonb_object_agg(r.payment_id, r.attempt_id), '{}')
      from ledger.redemptions as r),
    'unbalanced', (
      select coalesce(jsonb_agg(b), '[]') from ledger.books as b
      where b.stored is distinct from b.posted),
    'entries', (select coalesce(sum(e.amount), 0)::text from ledger.entries as e)
  ) as end`

/** All that a random world can have changed: what has to be equal at its end. */
export const digest = (ledger: State): unknown => ({
  wallets: mapped(ledger.wallets, (it) => [
    ...[it.status, String(it.balance), it.day, String(it.daySpent), it.month],
    String(it.monthSpent),
  ]),
  policies: mapped(ledger.policies, ({ version }) => version),
  payments: [...ledger.payments]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([id, it]) => [
      ...[id, it.walletId, it.requestId, it.endpointId, it.providerId, String(it.amount)],
      ...[it.currency, it.priceVersion, it.state, it.createdAt],
    ]),
  inbox: ledger.inbox.map((it) => [
    ...[it.providerId, it.endpointId, it.currency, String(it.amount), it.paidOn],
  ]),
  earnings: mapped(ledger.earnings, String),
  stats: mapped(ledger.stats, ({ payments, volume }) => [payments, String(volume)]),
  ...holdsOf(ledger),
  redemptions: mapped(ledger.redemptions, ({ attemptId }) => attemptId),
  unbalanced: [],
  entries: '0',
})

/** What became of each payment after it was made. */
function holdsOf({ payments }: State) {
  const all = [...payments]
  return {
    holds: Object.fromEntries(
      all.flatMap(([id, { hold }]) => (hold ? [[id, [hold.expiresAt, hold.ended]]] : [])),
    ),
    captures: Object.fromEntries(
      all.flatMap(([id, { capture: it }]) =>
        it ? [[id, [it.attemptId, String(it.captured), String(it.released)]]] : [],
      ),
    ),
    refunds: Object.fromEntries(
      all.flatMap(([id, { refunds }]) =>
        [...refunds].map(([name, { amount }]) => [`${id} ${name}`, String(amount)]),
      ),
    ),
  }
}

const mapped = <Value, Out>(map: Map<string, Value>, of: (value: Value) => Out) =>
  Object.fromEntries([...map].map(([key, value]) => [key, of(value)]))
