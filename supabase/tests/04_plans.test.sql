-- The way of a payment reads rows by index, however many there are.
begin;
select plan(10);

-- Enough rows that a sequential scan would be seen, and felt.
insert into ledger.agents (id, owner_id, name)
  select gen_random_uuid(), '10000000-0000-4000-8000-000000000001', 'agent ' || n
  from generate_series(1, 500) as n;
insert into ledger.agent_keys (id, agent_id, key_hash)
  select lpad(row_number() over ()::text, 16, '0'), id, sha256(id::text::bytea) from ledger.agents;
insert into ledger.wallets (id, agent_id, currency) select gen_random_uuid(), id, 'USDC' from ledger.agents;
insert into ledger.endpoints (id, provider_id, method, url, currency)
  select gen_random_uuid(), '40000000-0000-4000-8000-000000000001', 'GET', 'https://x.example/' || n, 'USDC'
  from generate_series(1, 500) as n;
insert into ledger.endpoint_prices (endpoint_id, version, amount, valid_from)
  select id, version, 1000, ledger.clock()
  from ledger.endpoints, generate_series(2, 3) as version;
update ledger.policies set day_max = 9000000000, month_max = 9000000000;

create temp table scans (relname name, seq_scan bigint);
create function pg_temp.look() returns void language sql as $$
  delete from scans;
  insert into scans select relname, seq_scan from pg_stat_xact_user_tables where schemaname = 'ledger'
$$;
create function pg_temp.scanned_since() returns setof text language sql as $$
  select now.relname::text
  from pg_stat_xact_user_tables as now
  join scans as before on before.relname = now.relname
  where now.schemaname = 'ledger' and now.seq_scan > before.seq_scan
$$;

create function pg_temp.pay(request text, amount text, href text, capture text default 'automatic')
returns jsonb language sql as $$
  select api.settle_x402_payment(
    'hiew86p5eVSC3JKu', 'd8a1c44f1193d2bfd49be103584f175d49664aa825f16c82dd2f60b527eaba63', null,
    ledger.payment_id_of(array['30000000-0000-4000-8000-000000000001', request,
      '50000000-0000-4000-8000-000000000002', amount, 'USDC', 'GET', coalesce(href, ''), capture]),
    '30000000-0000-4000-8000-000000000001', request, '50000000-0000-4000-8000-000000000002',
    amount, 'USDC', 'GET', href, href, capture)
$$;

select pg_temp.look();
select is(
  (select count(*) from generate_series(1, 300) as n
    where pg_temp.pay('r' || n, '1000', null) ->> 'replayed' = 'false'),
  300::bigint, 'three hundred payments settle');
select is_empty('select pg_temp.scanned_since()', 'none of their statements scans a table');

select is(
  (select count(*) from generate_series(1, 300) as n
    where pg_temp.pay('r' || n, '1000', null) ->> 'replayed' = 'true'),
  300::bigint, 'repeated, they are answered again');
select is(
  (select string_agg(distinct pg_temp.pay('r' || n, amount, href) ->> 'outcome', ', ')
    from generate_series(200, 400) as n,
      (values ('999', null), ('1000', 'https://elsewhere.example/')) as wrong (amount, href)),
  'payment_conflict, price_changed, resource_mismatch', 'wrong ones are refused');
select is_empty('select pg_temp.scanned_since()', 'neither scans a table');

create temp table paid as select id, endpoint_id, provider_id, wallet_id, request_id from ledger.payments;
select pg_temp.look();
select is(
  (select count(*) from paid as p, (values ('check'), ('consume'), ('release')) as act (ion)
    where api.check_x402_proof(
      'Y2nmbB2iKm8Yl8q7', '9b61d5e973df66ad1356b14196644b41b327ef49f7ebe0d7a021d5fdb711fbbc', p.id,
      p.endpoint_id, p.provider_id::text, null, act.ion, 'a1') ->> 'outcome' = 'checked'
    and api.get_x402_payment('agent',
      'hiew86p5eVSC3JKu', 'd8a1c44f1193d2bfd49be103584f175d49664aa825f16c82dd2f60b527eaba63',
      null, p.wallet_id, p.request_id) ->> 'outcome' = 'payment'
    and api.get_x402_endpoint(p.endpoint_id) is not null),
  900::bigint, 'their proofs are checked, claimed and released, and they are read');
select is_empty('select pg_temp.scanned_since()', 'none of that scans a table');

-- Of three hundred holds, the first hundred are left to time.
select api.put_x402_endpoint_terms('50000000-0000-4000-8000-000000000002', 60, true);
create temp table held as
  select (pg_temp.pay('h' || n, '1000', null, 'manual') -> 'payment' ->> 'payment_id')::uuid as id, n
  from generate_series(1, 300) as n;
select pg_temp.look();
select is(
  (select string_agg(distinct coalesce(said ->> 'reason', said ->> 'outcome'), ', ')
    from held as h, lateral (
      select api.capture_x402_payment(
        'Y2nmbB2iKm8Yl8q7', '9b61d5e973df66ad1356b14196644b41b327ef49f7ebe0d7a021d5fdb711fbbc', h.id,
        case h.n % 3 when 0 then '1000' when 1 then '400' else '0' end, null)
      union all
      select api.refund_x402_payment(
        'Y2nmbB2iKm8Yl8q7', '9b61d5e973df66ad1356b14196644b41b327ef49f7ebe0d7a021d5fdb711fbbc', h.id,
        'r', '400')
    ) as made (said)
    where h.n > 100),
  'captured, payment_voided, refunded', 'holds are captured, voided and refunded');
create or replace function ledger.clock() returns timestamptz language sql volatile
  as $$ select clock_timestamp() + interval '61 seconds' $$;
select is(
  api.expire_x402_holds() + (api.list_x402_endpoints(100, 0) ->> 'total')::integer,
  101, 'others expire, and endpoints are listed');
select is_empty('select pg_temp.scanned_since()', 'none of that scans a table either');

select * from finish();
rollback;
