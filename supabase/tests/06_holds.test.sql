-- What no caller can write of holds, captures and refunds, whatever a function gets wrong.
begin;
select plan(16);

select api.put_x402_webhook('40000000-0000-4000-8000-000000000001', 'https://api.example/hook',
  'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw');
create temp table held as
  select (api.settle_x402_payment(
    'hiew86p5eVSC3JKu', 'd8a1c44f1193d2bfd49be103584f175d49664aa825f16c82dd2f60b527eaba63', null,
    ledger.payment_id_of(array['30000000-0000-4000-8000-000000000001', 'r' || n,
      '50000000-0000-4000-8000-000000000002', '1000', 'USDC', 'GET', '', 'manual']),
    '30000000-0000-4000-8000-000000000001', 'r' || n, '50000000-0000-4000-8000-000000000002',
    '1000', 'USDC', 'GET', null, null, 'manual') -> 'payment' ->> 'payment_id')::uuid as id, n
  from generate_series(1, 4) as n;
select is(
  (select array_agg(b.stored order by h.n) from held as h
    join ledger.books as b on b.account = 'hold:' || h.id where b.stored = b.posted),
  array[1000, 1000, 1000, 1000]::numeric[], 'a hold is an account of its own');
select is((select count(*) from ledger.credit_inbox), 0::bigint, 'and no credit of the provider');
select is(
  (select w.day_spent::bigint from ledger.wallets as w where w.id = '30000000-0000-4000-8000-000000000001'),
  4000::bigint, 'it counts against the day');

select throws_ok(
  $$ update ledger.holds set expires_at = expires_at + interval '1 day' $$,
  '55000', null, 'a hold keeps its time');
select throws_ok('delete from ledger.holds', '55000', null, 'a hold is never deleted');
select lives_ok(
  $$ select ledger.end_hold(id, 'voided', 1000) from held where n = 1 $$, 'a hold ends');
select throws_ok(
  $$ select ledger.end_hold(id, 'voided', 1000) from held where n = 1 $$,
  '55000', null, 'once');
select throws_ok(
  $$ update ledger.holds set ended_at = ledger.clock() where payment_id = (select id from held where n = 1) $$,
  '55000', null, 'for good');

select is(
  (select api.capture_x402_payment(
    'Y2nmbB2iKm8Yl8q7', '9b61d5e973df66ad1356b14196644b41b327ef49f7ebe0d7a021d5fdb711fbbc', id, '400', 'a')
    ->> 'outcome' from held where n = 2),
  'captured', 'a part is captured');
select is(
  (select array_agg(e.amount order by e.account, e.amount) from ledger.entries as e
    join held as h on h.n = 2 and e.account = 'hold:' || h.id),
  array[-600, -400, 1000]::bigint[], 'what was held went to the provider and back');
select throws_ok('update ledger.captures set captured = 0', '55000', null, 'a capture never changes');
select throws_ok('delete from ledger.captures', '55000', null, 'nor is it deleted');

insert into ledger.refunds (payment_id, refund_id, amount, made_at)
  select id, 'one', 1, ledger.clock() from held where n = 2;
select throws_ok('update ledger.refunds set amount = 2', '55000', null, 'nor does a refund change');
select throws_ok(
  $$ insert into ledger.refunds select id, 'two', 0, ledger.clock() from held where n = 2 $$,
  '23514', null, 'nobody gives nothing back');
select throws_ok(
  $$ select api.put_x402_endpoint_terms('50000000-0000-4000-8000-000000000002', 59) $$,
  '23514', null, 'a hold lasts a minute at least');

select api.capture_x402_payment(
  'Y2nmbB2iKm8Yl8q7', '9b61d5e973df66ad1356b14196644b41b327ef49f7ebe0d7a021d5fdb711fbbc', id, '0', null)
  from held where n = 3;
select api.refund_x402_payment(
  'Y2nmbB2iKm8Yl8q7', '9b61d5e973df66ad1356b14196644b41b327ef49f7ebe0d7a021d5fdb711fbbc', id, 'r', '9')
  from held where n = 2;
create or replace function ledger.clock() returns timestamptz language sql volatile
  as $$ select clock_timestamp() + interval '25 hours' $$;
select api.expire_x402_holds();
select set_eq(
  $$ select h.n, e.kind, e.facts::text from ledger.events as e join held as h on h.id = e.subject_id $$,
  $$
    values (2, 'payment.settled', '{"captured": "400", "released": "600"}'),
      (2, 'payment.refunded', '{"refunded": "9", "refund_id": "r"}'),
      (3, 'payment.voided', '{"captured": "0", "released": "1000"}'),
      (4, 'payment.expired', '{"released": "1000"}')
  $$,
  'a provider with a webhook is told of each end of a hold, and of a refund');

select * from finish();
rollback;
