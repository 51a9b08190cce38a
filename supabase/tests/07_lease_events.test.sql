-- What providers and owners hear of promises and leases, in the transaction that caused it.
begin;
select plan(8);

insert into ledger.webhooks (holder_id, url) values
  ('40000000-0000-4000-8000-000000000001', 'https://provider.example/'),
  ('10000000-0000-4000-8000-000000000001', 'https://owner.example/');
update ledger.providers set notified = true where id = '40000000-0000-4000-8000-000000000001';
select api.put_x402_settlement('30000000-0000-4000-8000-000000000001', 'async');

create function pg_temp.lend(nonce text) returns uuid language sql as $$
  select (api.grant_x402_lease('30000000-0000-4000-8000-000000000001', 'eu', nonce, '1000', '1')
    #>> '{lease,lease_id}')::uuid
$$;
create function pg_temp.settle(lease uuid, number integer, amount text, overdrawn boolean default false)
returns text language plpgsql as $$
declare
  promises jsonb := jsonb_build_array(jsonb_build_object(
    'payment_id', md5(number::text)::uuid, 'request_id', 'r' || number,
    'endpoint_id', '50000000-0000-4000-8000-000000000002',
    'provider_id', '40000000-0000-4000-8000-000000000001', 'amount', amount, 'currency', 'USDC',
    'price_version', 1, 'resource_hash', repeat('A', 22), 'lease_id', lease, 'seq', number,
    'made_at', ledger.unix(ledger.clock())));
begin
  return case when overdrawn then api.settle_x402_overdrawn(promises)
    else api.settle_x402_batch(promises) end #>> '{outcomes,0,outcome}';
end
$$;
create function pg_temp.told() returns text language sql as $$
  with told as (delete from ledger.events as e returning e.kind, e.facts, e.seq)
  select string_agg(concat_ws(' ', t.kind, t.facts ->> 'reason', t.facts ->> 'code'), ', ' order by t.seq)
  from told as t
$$;

create temp table a as select pg_temp.lend('a') as id;
select is(pg_temp.told(), null, 'a lease that is granted is told to nobody');
select pg_temp.settle(id, 1, '10') from a;
select is(pg_temp.told(), 'payment.settled', 'a promise that is settled is told to its provider');
select pg_temp.settle(id, 1, '10') from a;
select is(pg_temp.told(), null, 'and not again when it is settled again');
create temp table b as select pg_temp.lend('b') as id;
select is(pg_temp.told(), null, 'a lease that follows another is told to nobody');
select pg_temp.settle(id, 2, '1500') from b;
select is(pg_temp.told(), 'lease.revoked forked, payment.settled',
  'a lease of which more than the limit was promised is told to the owner');
select pg_temp.settle(id, 3, '5000', true) from b;
select is(pg_temp.told(), 'payment.failed lease_overdrawn',
  'a promise that nobody covers is told to its provider');
select pg_temp.lend('c');
select api.put_x402_wallet('30000000-0000-4000-8000-000000000001',
  '20000000-0000-4000-8000-000000000001', 'USDC', 'frozen');
select is(pg_temp.told(), 'lease.revoked terms', 'a lease that a change ends is told to the owner');
delete from ledger.webhook_secrets;
delete from ledger.webhooks;
select pg_temp.settle(id, 4, '10') from a;
select is(pg_temp.told(), null, 'who has no webhook is told nothing');

select * from finish();
rollback;
