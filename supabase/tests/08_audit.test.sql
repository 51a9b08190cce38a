-- What the auditor sees in leases and books, what it counts, and what it does about a difference.
begin;
select plan(23);

create function pg_temp.lend(nonce text, region text default 'eu') returns ledger.leases language sql as $$
  select api.grant_x402_lease('30000000-0000-4000-8000-000000000001', region, nonce, '1000000', '1');
  select l from ledger.leases as l where l.nonce = lend.nonce
$$;
create function pg_temp.draw(lease ledger.leases, number integer, overdrawn boolean default false)
returns void language sql as $$
  insert into ledger.payments (id, wallet_id, request_id, endpoint_id, provider_id, amount, currency,
    price_version, resource_hash, state, created_at, lease_id, lease_seq, overdrawn)
  values (md5(lease.id || ' ' || number)::uuid, lease.wallet_id, 'drawn' || number,
    '50000000-0000-4000-8000-000000000002', '40000000-0000-4000-8000-000000000001', 1000, 'USDC', 1,
    decode(repeat('00', 16), 'hex'), 'settled', ledger.clock(), lease.id, number, overdrawn)
$$;
create function pg_temp.pay(lease ledger.leases, number integer) returns text language sql as $$
  select api.settle_x402_batch(jsonb_build_array(jsonb_build_object(
    'payment_id', md5(lease.id || ' p' || number)::uuid, 'request_id', 'p' || number,
    'endpoint_id', '50000000-0000-4000-8000-000000000002',
    'provider_id', '40000000-0000-4000-8000-000000000001', 'amount', '1000', 'currency', 'USDC',
    'price_version', 1, 'resource_hash', repeat('A', 22), 'lease_id', lease.id, 'seq', number,
    'made_at', ledger.unix(ledger.clock())))) #>> '{outcomes,0,outcome}'
$$;

-- What is sound
select api.put_x402_settlement('30000000-0000-4000-8000-000000000001', 'async');
select is_empty('select * from ledger.audit_leases(null)', 'without a lease there is nothing to see');
select is_empty('select * from ledger.audit_books()', 'the books of the seed are sound');
select isnt((pg_temp.lend('a')).id, null, 'a lease is granted');
select is((select pg_temp.pay(l, 1) from ledger.leases as l where l.nonce = 'a'), 'settled',
  'and paid from');
select is_empty('select * from ledger.audit_leases(null)', 'a lease that was paid from is sound');
select is_empty('select * from ledger.audit_books()', 'and so are the books with it');
select is(api.audit_x402() -> 'violations', '[]', 'the auditor has nothing to say');
select is(api.audit_x402(true) -> 'violations', '[]', 'not even when it reads everything');

-- What it counts
select is(api.audit_x402() #>> '{counters,held_leases}', '1', 'one lease is held');
select is(api.audit_x402() #>> '{counters,held_escrow,USDC}', '1999000', 'with what is left in it');
select is(api.audit_x402() #>> '{counters,overdue_seconds}', '0', 'and nothing is overdue');
select is_empty('select * from ledger.lease_stops', 'nobody is stopped');

-- A lease whose payments are not what it says
savepoint sound;
select pg_temp.draw(l, 2) from ledger.leases as l where l.nonce = 'a';
select is((select array_agg(invariant) from ledger.audit_leases(null)), array['M4'],
  'a payment that the lease does not know of breaks M4');
select matches((select what from ledger.audit_leases(null)), 'says it paid 1000, its payments 2000$',
  'which is said with both sums');
select is(api.audit_x402() #>> '{violations,0,invariant}', 'M4', 'the auditor finds it each minute');
select set_eq('select wallet_id::text, reason from ledger.lease_stops',
  $$ values ('00000000-0000-0000-0000-000000000000', 'audit') $$, 'and stops leases for everybody');
select is(api.grant_x402_lease('30000000-0000-4000-8000-000000000001', 'us', 'b', '1000', '1')
  ->> 'outcome', 'refused', 'nobody is granted another');
select is(api.resume_x402_leases('00000000-0000-0000-0000-000000000000'), true,
  'until an operator resumes them');
rollback to sound;

-- One that was paid for beyond its escrow and does not know it
select pg_temp.draw(l, 3, true) from ledger.leases as l where l.nonce = 'a';
select matches((select what from ledger.audit_leases(null)), 'says 0 was paid beyond it, its payments 1000$',
  'a payment beyond the escrow is counted apart');
rollback to sound;

-- What it does not look at again
select is_empty($$ select * from ledger.audit_leases(ledger.clock() + interval '1 day') $$,
  'leases that are held are looked at, however old, and sound');
update ledger.earnings set balance = balance + 1
  where provider_id = '40000000-0000-4000-8000-000000000001';
insert into ledger.earnings (provider_id, currency, balance)
  values ('40000000-0000-4000-8000-000000000001', 'USDC', 1) on conflict do nothing;
select is(api.audit_x402() -> 'violations', '[]', 'the audit of a minute reads no account');
select is(api.audit_x402(true) #>> '{violations,0,invariant}', 'M4', 'the full one reads each');
rollback to sound;

-- Whose it is
select is(
  (select array_agg(r order by r) from unnest(array['x402_edge', 'x402_drain', 'x402_operator']) as r
   where has_function_privilege(r, 'api.audit_x402(boolean)', 'execute')),
  array['x402_drain', 'x402_operator'], 'the drain and the operator may ask it, the edge may not');

select * from finish();
rollback;
