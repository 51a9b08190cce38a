-- The auditor: are the books what their movements say, and how is what leases hold?
--
-- Locks: none that matter; creates functions.
-- Undo: drop the functions.

-- Leases that are not what their payments say: M4 and M5 of docs/settlement.md. `since`: those that
-- were reclaimed before are left out; null leaves out none.
create function ledger.audit_leases(since timestamptz) returns table (invariant text, what text)
language sql stable set search_path = ''
as $$
  with looked_at as (
    select l.id, l.wallet_id, l.region, l.state, l.escrow::bigint as escrow, l.settled::bigint as settled,
      l.returned::bigint as returned, l.overdraft::bigint as overdraft
    from ledger.leases as l
    where l.state <> 'reclaimed' or l.reclaimed_at >= coalesce(audit_leases.since, '-infinity')
  ), drawn as (
    select a.*, d.paid, d.beyond from looked_at as a, lateral (
      select coalesce(sum(p.amount::bigint) filter (where not p.overdrawn), 0) as paid,
        coalesce(sum(p.amount::bigint) filter (where p.overdrawn), 0) as beyond
      from ledger.payments as p where p.lease_id = a.id) as d
  )
  select 'M4', 'lease ' || d.id || ' says it paid ' || d.settled || ', its payments ' || d.paid
  from drawn as d where d.settled <> d.paid
  union all
  select 'M4', 'lease ' || d.id || ' says ' || d.overdraft || ' was paid beyond it, its payments ' || d.beyond
  from drawn as d where d.overdraft <> d.beyond
  union all
  select 'M5', 'lease ' || d.id || ' holds ' || d.escrow - d.settled - d.returned
  from drawn as d
  where d.escrow - d.settled - d.returned < 0
    or d.state = 'reclaimed' and d.escrow <> d.settled + d.returned
$$;
comment on function ledger.audit_leases is 'What is wrong with leases, by their payments.';

-- What is wrong with all the books: M1 to M4, and M6. Reads everything there is.
create function ledger.audit_books() returns table (invariant text, what text)
language sql stable set search_path = ''
as $$
  select 'M1', e.currency || ' of all accounts sums to ' || sum(e.amount)
  from ledger.entries as e group by e.currency having sum(e.amount) <> 0
  union all
  select 'M2', b.account || ' is ' || b.stored from ledger.books as b where b.stored < 0
  union all
  select 'M3', 'transfer ' || e.transfer_id || ' sums to ' || sum(e.amount)
  from ledger.entries as e group by e.transfer_id having sum(e.amount) <> 0
  union all
  select 'M4', b.account || ' is ' || b.stored || ', its movements ' || b.posted
  from ledger.books as b where b.stored is distinct from b.posted
  union all
  select 'M6', 'payment ' || p.id || ' moves ' || p.amount
  from ledger.payments as p where p.amount::bigint not between 1 and 9007199254740991
$$;
comment on function ledger.audit_books is 'What is wrong with accounts, by their movements.';

-- What an operator watches: nothing of it is wrong by itself.
create function ledger.audit_counters() returns jsonb
language sql stable set search_path = ''
as $$
  select jsonb_build_object(
    'forked_leases', (select count(*) from ledger.leases as l where l.forked),
    'unfunded_proofs', (select count(*) from ledger.unfunded_proofs as u where u.funded_at is null),
    'open_forks', (select count(*) from ledger.leases as l where l.forked and l.state <> 'reclaimed'),
    'stopped_wallets', (select count(*) from ledger.lease_stops),
    'new_stops', (
      select count(*) from ledger.lease_stops as s
      where s.reason in ('overdraft', 'redemption_over') and s.since > ledger.clock() - interval '2 minutes'),
    'held_leases', (select count(*) from ledger.leases as l where l.state <> 'reclaimed'),
    'held_escrow', (
      select coalesce(jsonb_object_agg(h.currency, h.amount), '{}') from (
        select l.currency, sum(l.escrow - l.settled)::text as amount
        from ledger.leases as l where l.state <> 'reclaimed' group by 1) as h),
    'overdue_seconds', (
      select coalesce(max(extract(epoch from ledger.clock() - l.reclaim_after)), 0)::integer
      from ledger.leases as l where l.state <> 'reclaimed' and l.reclaim_after <= ledger.clock()),
    'watermark_lag_seconds', (
      select coalesce(max(extract(epoch from ledger.clock()
        - coalesce(w.drained_through, l.granted_at))), 0)::integer
      from ledger.leases as l
      left join ledger.drain_watermarks as w on w.region = l.region and w.shard = l.shard
      where l.state <> 'reclaimed'))
$$;
comment on function ledger.audit_counters is
  'Forks, unfunded proofs, stops, escrow, and how far behind the drain is.';

-- Audits, each minute what leases hold and held within the hour, or in `full` every account there is.
--
-- Answers {violations: [{invariant, what}], counters}, at most a hundred violations. One is enough to
-- stop new leases for everyone, until an operator resumes the nil id: better to stop than to go on wrong.
create function api.audit_x402("full" boolean default false) returns jsonb
language plpgsql security definer set search_path = '' set statement_timeout = '60s'
as $$
declare
  since timestamptz := case when not "full" then ledger.clock() - interval '1 hour' end;
  violations jsonb;
begin
  select coalesce(jsonb_agg(to_jsonb(v)), '[]') into violations from (
    select * from ledger.audit_leases(since)
    union all
    select b.* from ledger.audit_books() as b where "full"
    limit 100) as v;
  if violations <> '[]' then
    insert into ledger.lease_stops (wallet_id, reason)
    values ('00000000-0000-0000-0000-000000000000', 'audit') on conflict do nothing;
  end if;
  return jsonb_build_object('violations', violations, 'counters', ledger.audit_counters());
end
$$;
revoke execute on function api.audit_x402 from public;
grant execute on function api.audit_x402 to x402_drain, x402_operator;
comment on function api.audit_x402 is
  'Compares the books with their movements; a difference stops new leases.';
