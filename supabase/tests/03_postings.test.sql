-- What no caller can write, whatever a function gets wrong: guards of the tables themselves.
begin;
select plan(30);

create function pg_temp.pay(
  id text, amount numeric default 10, state text default 'settled', request text default null,
  conflict boolean default false)
returns void
language sql as $$
  insert into ledger.payments (id, wallet_id, request_id, endpoint_id, provider_id, amount, currency,
    price_version, resource_hash, state, conflict, created_at)
  values (id::uuid, '30000000-0000-4000-8000-000000000001', coalesce(request, right(id, 2)),
    '50000000-0000-4000-8000-000000000002', '40000000-0000-4000-8000-000000000001', amount, 'USDC', 1,
    decode(repeat('ab', 16), 'hex'), state, conflict, ledger.clock())
$$;

-- Payments
select lives_ok(
  $$ select pg_temp.pay('00000000-0000-4000-8000-000000000001') $$, 'a payment is written once');
select throws_ok(
  $$ select pg_temp.pay('00000000-0000-4000-8000-000000000001', request => 'other') $$,
  '23505', null, 'and not again under its id');
select throws_ok(
  $$ select pg_temp.pay('00000000-0000-4000-8000-000000000002', request => '01') $$,
  '23505', null, 'nor another under its request');
select lives_ok(
  $$ select pg_temp.pay('00000000-0000-4000-8000-000000000003', request => '01', conflict => true) $$,
  'unless it is flagged as a conflict');
select throws_ok(
  $$ update ledger.payments set amount = 11 where id = '00000000-0000-4000-8000-000000000001' $$,
  '55000', null, 'the amount of a payment never changes');
select throws_ok(
  $$ update ledger.payments set conflict = true where id = '00000000-0000-4000-8000-000000000001' $$,
  '55000', null, 'nor does its flag');
select throws_ok(
  $$ update ledger.payments set state = 'voided' where id = '00000000-0000-4000-8000-000000000001' $$,
  '55000', null, 'a settled payment stays settled');
select throws_ok(
  $$ delete from ledger.payments where id = '00000000-0000-4000-8000-000000000001' $$,
  '55000', null, 'a payment is never deleted');
select throws_ok(
  $$ select pg_temp.pay('00000000-0000-4000-8000-000000000004', state => 'refunded') $$,
  '23514', null, 'a payment has one of four states');

-- Holds
select lives_ok(
  $$
    select pg_temp.pay('00000000-0000-4000-8000-00000000001' || n, state => 'held')
    from generate_series(1, 4) as n
  $$,
  'a payment may be held');
select lives_ok(
  $$ update ledger.payments set state = 'settled' where id = '00000000-0000-4000-8000-000000000011' $$,
  'a hold may be captured');
select lives_ok(
  $$ update ledger.payments set state = 'voided' where id = '00000000-0000-4000-8000-000000000012' $$,
  'or voided');
select lives_ok(
  $$ update ledger.payments set state = 'expired' where id = '00000000-0000-4000-8000-000000000013' $$,
  'or expire');
select throws_ok(
  $$ update ledger.payments set state = 'settled' where id = '00000000-0000-4000-8000-000000000012' $$,
  '55000', null, 'but a hold ends once');
select throws_ok(
  $$ update ledger.payments set state = 'held' where id = '00000000-0000-4000-8000-000000000011' $$,
  '55000', null, 'and is not taken again');
select throws_ok(
  $$
    update ledger.payments set state = 'settled', amount = 9
    where id = '00000000-0000-4000-8000-000000000014'
  $$,
  '55000', null, 'its end changes nothing but the state');
select throws_ok(
  $$ delete from ledger.payments where id = '00000000-0000-4000-8000-000000000014' $$,
  '55000', null, 'a hold is never deleted');

-- Amounts
select throws_ok(
  $$ select pg_temp.pay('00000000-0000-4000-8000-000000000005', 0) $$,
  '23514', null, 'nobody pays nothing');
select throws_ok(
  $$ select pg_temp.pay('00000000-0000-4000-8000-000000000005', -1) $$,
  '23514', null, 'nor less than nothing');
select throws_ok(
  $$ select pg_temp.pay('00000000-0000-4000-8000-000000000005', 9007199254740992) $$,
  '23514', null, 'nor 2^53 or more');
select lives_ok(
  $$ select pg_temp.pay('00000000-0000-4000-8000-000000000005', 9007199254740991) $$,
  'but all below it');

-- Balances and counters
select throws_ok(
  $$ update ledger.wallets set balance = -1 where id = '30000000-0000-4000-8000-000000000001' $$,
  '23514', null, 'no wallet is below zero');
select throws_ok(
  $$ update ledger.wallets set day_spent = -1 where id = '30000000-0000-4000-8000-000000000001' $$,
  '23514', null, 'no counter is below zero');
select throws_ok(
  $$
    insert into ledger.earnings (provider_id, currency, balance)
    values ('40000000-0000-4000-8000-000000000001', 'USDC', -1)
  $$,
  '23514', null, 'no earnings are below zero');
select throws_ok(
  $$
    insert into ledger.earnings (provider_id, currency)
    values ('40000000-0000-4000-8000-000000000001', 'DOGE')
  $$,
  '23514', null, 'there are two currencies');

-- Transfers
select throws_ok(
  $$ update ledger.transfers set amount = 1 $$, '55000', null, 'a transfer never changes');
select throws_ok('delete from ledger.transfers', '55000', null, 'nor is it deleted');
select throws_ok(
  $$
    insert into ledger.transfers (id, template, provider_id, amount, currency)
    values (gen_random_uuid(), 'deposit', '40000000-0000-4000-8000-000000000001', 1, 'USDC')
  $$,
  '23514', null, 'a deposit goes to a wallet');
select throws_ok(
  $$
    insert into ledger.transfers (id, template, wallet_id, amount, currency)
    values (gen_random_uuid(), 'payout', '30000000-0000-4000-8000-000000000001', 1, 'USDC')
  $$,
  '23514', null, 'a payout comes from a provider');

-- An allow-list with a hole in it would allow everyone.
select throws_ok(
  $$ select api.put_x402_policy('30000000-0000-4000-8000-000000000001', '1', '1', '1', array[null::uuid]) $$,
  '23514', null, 'an allow-list names providers and nothing else');

select * from finish();
rollback;
