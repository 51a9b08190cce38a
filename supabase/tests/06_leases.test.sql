-- What no caller can do to a lease, what ends one, and how a batch reads.
begin;
select plan(34);

create function pg_temp.lend(nonce text, wanted text default '1000000') returns jsonb language sql as $$
  select api.grant_x402_lease('30000000-0000-4000-8000-000000000001', 'eu', nonce, wanted, '1')
$$;
create function pg_temp.lease(nonce text) returns ledger.leases language sql as $$
  select l from ledger.leases as l where l.nonce = lease.nonce
$$;
create function pg_temp.promise(lease ledger.leases, number integer, amount text default '1000')
returns jsonb language sql as $$
  select jsonb_build_object('payment_id', md5(lease.id || ' ' || number || ' ' || amount)::uuid,
    'request_id', 'r' || number, 'endpoint_id', '50000000-0000-4000-8000-000000000002',
    'provider_id', '40000000-0000-4000-8000-000000000001', 'amount', amount, 'currency', 'USDC',
    'price_version', 1, 'resource_hash', repeat('A', 22), 'lease_id', lease.id, 'seq', number,
    'made_at', ledger.unix(ledger.clock()))
$$;

-- The right to a lease
select is(pg_temp.lend('a') ->> 'reason', 'no_right', 'a policy gives no right to a lease by itself');
select api.put_x402_settlement('30000000-0000-4000-8000-000000000001', 'async');
select is(pg_temp.lend('a') ->> 'outcome', 'granted', 'once it does, a lease is granted');
select is(pg_temp.lend('a') #>> '{lease,epoch}', '1', 'a known nonce is answered its lease again');
select is((pg_temp.lease('a')).escrow, '2000000', 'in escrow is twice the limit');
select is(
  (select (balance, day_spent) from ledger.wallets where id = '30000000-0000-4000-8000-000000000001'),
  row(998000000::ledger.amount, 2000000::ledger.amount),
  'it left the balance and counts against the day');
select is(pg_temp.lend('b', '900000000') #>> '{lease,limit}', '4000000',
  'a lease leaves a tenth of the day''s cap and no more in escrow');
select is((pg_temp.lease('a')).state, 'revoked', 'the next lease of a region revokes the one before');
select is(pg_temp.lend('a') ->> 'reason', 'lease_ended', 'whose nonce is good no more');
select is(pg_temp.lend('c') ->> 'reason', 'no_room', 'a wallet with all its share in escrow gets none');

-- Terms
select throws_ok($$ update ledger.leases set escrow = 1 $$, '55000', null, 'escrow never changes');
select throws_ok($$ update ledger.leases set reclaim_after = 'epoch' $$, '55000', null,
  'nor when it may be reclaimed');
select throws_ok($$ update ledger.leases set state = 'open' where nonce = 'a' $$, '55000', null,
  'a lease is never opened again');
select throws_ok($$ delete from ledger.leases $$, '55000', null, 'nor deleted');
select throws_ok($$ update ledger.leases set settled = escrow + 1 where nonce = 'b' $$, '23514', null,
  'no more settles from it than it holds');
select throws_ok($$ update ledger.leases set overdraft = spend_limit + 1 where nonce = 'b' $$, '23514',
  null, 'nor beyond it than its limit once more');
select throws_ok(
  $$ update ledger.leases set state = 'reclaimed', reclaimed_at = ledger.clock() where nonce = 'b' $$,
  '23514', null, 'a reclaimed lease holds nothing');

-- Settling
select is(
  api.settle_x402_batch(jsonb_build_array(pg_temp.promise(pg_temp.lease('a'), 1))) #>> '{outcomes,0,outcome}',
  'settled', 'what a revoked lease promised is settled');
select throws_ok($$ update ledger.leases set settled = 0 where nonce = 'a' $$, '55000', null,
  'and stays settled');
select throws_ok($$ select api.settle_x402_batch('[]') $$, '22023', null, 'a batch is not empty');
select throws_ok(
  $$ select api.settle_x402_batch(jsonb_agg('{}'::jsonb)) from generate_series(1, 1001) $$,
  '22023', null, 'nor longer than a thousand');
select is(
  (select string_agg(distinct o ->> 'code', ', ')
    from jsonb_array_elements(api.settle_x402_batch(
      '[7, null, "x", [], {}, {"payment_id": "x"}]') -> 'outcomes') as o),
  'malformed', 'nothing in it makes it raise');
select is(
  (select jsonb_agg(coalesce(o ->> 'code', o ->> 'outcome'))
    from jsonb_array_elements(api.settle_x402_batch(jsonb_build_array(
      '7', pg_temp.promise(pg_temp.lease('a'), 2), '{"amount": "x"}',
      pg_temp.promise(pg_temp.lease('a'), 2), pg_temp.promise(pg_temp.lease('a'), 2, '1'), '[]',
      pg_temp.promise(pg_temp.lease('a'), 3))) -> 'outcomes') as o),
  '["malformed", "settled", "malformed", "replayed", "honoured", "malformed", "settled"]',
  'nor keeps the others from being settled, in their order');

-- What ends a lease
create function pg_temp.after(change text) returns text language plpgsql as $$
declare
  nonce text := md5(change);
begin
  perform api.put_x402_policy('30000000-0000-4000-8000-000000000001', '10000000', '900000000', '900000000');
  if pg_temp.lend(nonce, '1000') ->> 'outcome' <> 'granted' then return 'not granted'; end if;
  execute change;
  return (pg_temp.lease(nonce)).state;
end
$$;
select is(pg_temp.after(change), 'revoked', 'a lease ends with: ' || change)
from (values
  ($$ select api.put_x402_policy('30000000-0000-4000-8000-000000000001', '9', '9', '9') $$),
  ($$ select api.put_x402_settlement('30000000-0000-4000-8000-000000000001', 'auto') $$),
  ($$ select api.revoke_x402_leases('30000000-0000-4000-8000-000000000001') $$),
  ($$ select api.put_x402_signer('20000000-0000-4000-8000-000000000001', repeat('s', 43)) $$),
  ($$ update ledger.agent_keys set expires_at = 'tomorrow' where id = 'hiew86p5eVSC3JKu' $$)
) as it (change);
select is(pg_temp.after($$ select api.put_x402_wallet('30000000-0000-4000-8000-000000000001',
  '20000000-0000-4000-8000-000000000001', 'USDC') $$), 'open', 'a change of nothing ends none');
select is(pg_temp.after($$ select api.put_x402_wallet('30000000-0000-4000-8000-000000000001',
  '20000000-0000-4000-8000-000000000001', 'USDC', 'frozen') $$), 'revoked', 'a frozen wallet ends it');
select api.put_x402_wallet('30000000-0000-4000-8000-000000000001',
  '20000000-0000-4000-8000-000000000001', 'USDC');
select is(pg_temp.after($$ select api.put_x402_agent('20000000-0000-4000-8000-000000000001',
  '10000000-0000-4000-8000-000000000001', 'Weather watcher', 'suspended') $$), 'revoked',
  'a suspended agent ends it');

-- Reading by index, however much has been settled
select api.put_x402_agent('20000000-0000-4000-8000-000000000001',
  '10000000-0000-4000-8000-000000000001', 'Weather watcher');
select pg_temp.lend('z', '1000000') ->> 'outcome' as granted;
select is(
  (select count(*) from generate_series(0, 4) as batch,
    lateral jsonb_array_elements(api.settle_x402_batch((
      select jsonb_agg(pg_temp.promise(pg_temp.lease('z'), 10 + batch * 200 + n, '1'))
      from generate_series(1, 200) as n)) -> 'outcomes') as o
    where o ->> 'outcome' = 'settled'),
  1000::bigint, 'a thousand promises settle');
create temp table read_before as
  select relname, seq_scan, idx_tup_fetch from pg_stat_xact_user_tables where schemaname = 'ledger';
select api.settle_x402_batch(jsonb_build_array(pg_temp.promise(pg_temp.lease('z'), 2001, '1')));
select is_empty(
  $$
    select now.relname, now.seq_scan - b.seq_scan, now.idx_tup_fetch - b.idx_tup_fetch
    from pg_stat_xact_user_tables as now join read_before as b using (relname)
    where now.schemaname = 'ledger'
      and (now.seq_scan > b.seq_scan or now.idx_tup_fetch - b.idx_tup_fetch > 10)
  $$,
  'one more reads a handful of rows, by index');
select is_empty('select * from ledger.books where stored <> posted', 'the books balance');
select is((select sum(amount) from ledger.entries), 0::numeric, 'to zero');

select * from finish();
rollback;
