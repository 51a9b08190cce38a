import { cast } from '../model/cast.ts'
import type { State } from '../model/ledger.ts'
import { DIGEST, digest } from './ledger-digest.ts'

/** Asks the database for all that lease worlds can have changed, in the shape of `leaseDigest`. */
export const LEASE_DIGEST = `
  select jsonb_build_object(
    'ledger', (${DIGEST}),
    'promised', (
      select coalesce(jsonb_agg(jsonb_build_array(
        p.id, p.lease_id, p.lease_seq, p.overdrawn, p.conflict) order by p.id), '[]')
      from ledger.payments as p where p.lease_id is not null),
    'leases', (
      select coalesce(jsonb_object_agg(l.id, jsonb_build_array(
        l.wallet_id, l.region, l.epoch, l.currency, l.shard, l.spend_limit::text, l.escrow::text,
        l.policy_version, l.policy_day, extract(epoch from l.granted_at) * 1000, l.state,
        l.settled::text, l.returned::text, l.overdraft::text, l.forked,
        extract(epoch from l.reclaimed_at) * 1000)), '{}')
      from ledger.leases as l),
    'watermarks', (
      select coalesce(jsonb_object_agg(
        w.region || ' ' || w.shard, extract(epoch from w.drained_through) * 1000), '{}')
      from ledger.drain_watermarks as w),
    'unfunded', (
      select coalesce(jsonb_object_agg(
        u.payment_id, jsonb_build_array(u.code, u.funded_at is not null)), '{}')
      from ledger.unfunded_proofs as u),
    'stops', (
      select coalesce(jsonb_agg(s.wallet_id order by s.wallet_id), '[]') from ledger.lease_stops as s),
    'settlement', (
      select coalesce(jsonb_object_agg(p.wallet_id, p.settlement), '{}') from ledger.policies as p
      where p.wallet_id = any ('{${cast.wallets.join(',')}}'))
  ) as end`

const entriesOf = <Value, Out>(map: ReadonlyMap<string, Value>, of: (value: Value) => Out) =>
  Object.fromEntries([...map].map(([key, value]) => [key, of(value)]))

/** All that a lease world can have changed: what has to be equal at its end. */
export const leaseDigest = (ledger: State): unknown => ({
  ledger: digest(ledger),
  promised: [...ledger.payments]
    .flatMap(([id, { lease, conflict }]) =>
      lease ? [[id, lease.id, lease.seq, lease.overdrawn, conflict]] : [],
    )
    .sort(([one = ''], [other = '']) => (one < other ? -1 : 1)),
  leases: entriesOf(ledger.leases, (it) => [
    ...[it.walletId, it.region, it.epoch, it.currency, it.shard, String(it.limit)],
    ...[String(it.escrow), it.policy.version, it.policyDay, it.grantedAt, it.state],
    ...[String(it.settled), String(it.returned), String(it.overdraft), it.forked, it.reclaimedAt],
  ]),
  watermarks: entriesOf(ledger.watermarks, (through) => through),
  unfunded: entriesOf(ledger.unfunded, ({ code, funded }) => [code, funded]),
  stops: [...ledger.leaseStops].sort(),
  settlement: entriesOf(ledger.policies, ({ settlement }) => settlement),
})
