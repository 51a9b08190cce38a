-- The outbox: who is told what, once, in order, and who learns a secret.
begin;
select plan(39);

-- Of the seed: a provider, another, and an owner.
create temp table party as select
  '40000000-0000-4000-8000-000000000001'::uuid as provider,
  '40000000-0000-4000-8000-000000000002'::uuid as other,
  '10000000-0000-4000-8000-000000000001'::uuid as owner;
create function pg_temp.emit(kind text, subject text, holder uuid, facts jsonb default '{}')
returns void language sql as $$
  select ledger.emit(kind, ('00000000-0000-4000-8000-0000000000' || subject)::uuid, holder, facts)
$$;
create function pg_temp.due() returns text language sql as $$
  select string_agg(e.subject_id::text, ' ') from (
    select right(e.subject_id::text, 2) as subject_id
    from jsonb_array_elements(api.take_x402_events(100)) as t (it)
    join ledger.events as e on e.id = (t.it ->> 'event_id')::uuid order by e.seq) as e
$$;
create function pg_temp.event(subject text) returns uuid language sql as $$
  select id from ledger.events where subject_id::text like '%' || subject and state = 'pending'
  order by seq limit 1
$$;

create function pg_temp.takes(address text) returns boolean language plpgsql as $$
begin
  update ledger.webhooks set url = address;
  return found;
exception when check_violation then
  return false;
end
$$;

-- Who is told
select pg_temp.emit('payment.settled', '01', provider) from party;
select is((select count(*) from ledger.events), 0::bigint, 'who has no webhook is told nothing');
select is((select notified from ledger.providers, party where id = provider), false,
  'and no payment of theirs looks for one');
select throws_ok(
  $$ select api.put_x402_webhook(gen_random_uuid(), 'https://a.example/', 'whsec_' || repeat('A', 32)) $$,
  '23503', null, 'a webhook is of somebody known');
select throws_ok(
  $$ select api.put_x402_webhook(provider, 'https://a.example/') from party $$,
  '23502', null, 'a webhook has a secret');
select throws_ok(
  $$ select api.put_x402_webhook(provider, 'https://a.example/', 'whsec_short') from party $$,
  '23514', null, 'a secret is of 24 bytes or more');
select lives_ok(
  $$ select api.put_x402_webhook(provider, 'https://a.example/', 'whsec_' || repeat('A', 32)) from party $$,
  'a provider has a webhook');
select lives_ok(
  $$ select api.put_x402_webhook(owner, 'https://b.example/', 'whsec_' || repeat('B', 32)) from party $$,
  'an owner has one');
select lives_ok(
  $$ select api.put_x402_webhook(provider, 'https://a.example/', 'whsec_' || repeat('A', 32)) from party $$,
  'a repeat changes nothing');
select throws_ok(
  $$ select api.put_x402_webhook(provider, 'https://a.example/', 'whsec_' || repeat('C', 32)) from party $$,
  '23505', null, 'another secret is a rotation, which says how long the old one is good');
select is((select notified from ledger.providers, party where id = provider), true,
  'payments of the provider look for it');

-- What it may be
select is_empty(
  $$
    select bad from (values ('http://a.example/'), ('https://a.example'), ('https://u@a.example/'),
      ('https://127.0.0.1/'), ('https://[::1]/'), ('https://localhost/'), ('https://a.example:22/'),
      ('https://a.example./'), ('https://A.example/'), ('https://a.example/ x'),
      ('https://a.example/#x'), ('http://10.0.0.1/'), ('https://' || repeat('a.', 600) || 'example/'),
      ('https://a.example\@b.example/'), (E'https://a.example/\nx')
    ) as it (bad) where pg_temp.takes(bad)
  $$,
  'an address of another form is not stored');
select ok(pg_temp.takes('https://hooks.a.example/payos?tenant=7'), 'one of the right form is');

-- Once, in order
select pg_temp.emit('payment.settled', '01', provider) from party, generate_series(1, 3);
select is((select count(*) from ledger.events), 1::bigint, 'the same event is written once');
select pg_temp.emit('payment.refunded', '01', provider, '{"refund_id": "a"}') from party;
select pg_temp.emit('payment.refunded', '01', provider, '{"refund_id": "b"}') from party;
select pg_temp.emit('lease.revoked', '02', owner) from party;
select pg_temp.emit('payment.settled', '03', other) from party;
select is((select count(*) from ledger.events), 4::bigint, 'other facts make another event');
select is(pg_temp.due(), '01 02', 'of each subject the first is due, and no other');
select is(pg_temp.due(), null, 'what is taken is nobody else''s for two minutes');

-- An attempt
select is(
  (select api.begin_x402_delivery(pg_temp.event('01'), 2) ->> 'outcome'), 'over',
  'an attempt that is not the present one is over');
select is(
  (select api.begin_x402_delivery(pg_temp.event('01'), 1) -> 'secrets'),
  jsonb_build_array('whsec_' || repeat('A', 32)), 'who begins the attempt is told the secret');
select is(
  (select api.begin_x402_delivery(pg_temp.event('01'), 1)), '{"outcome": "under_way"}',
  'and nobody beside them');
select is(api.end_x402_delivery(pg_temp.event('01'), 1, '500', null), 'later', 'it fails');
select is(api.end_x402_delivery(pg_temp.event('01'), 1, '200', null), 'over', 'it ends once');
select is((select attempt from ledger.events where id = pg_temp.event('01')), 2, 'another will be made');
select is(
  (select date_trunc('second', due_at - happened_at + interval '0.5 seconds')
    from ledger.events where id = pg_temp.event('01')),
  interval '1 minute', 'in a minute');
update ledger.events set due_at = ledger.clock();
select is(pg_temp.due(), '01 02', 'which those behind it wait for');
select is(api.end_x402_delivery(pg_temp.event('01'), 2, '204', null), 'delivered', 'it is accepted');
select is(pg_temp.due(), '01', 'and the next one is due');
select is(api.end_x402_delivery(pg_temp.event('01'), 1, '410', null), 'disabled', 'gone disables');
select is(
  (select api.begin_x402_delivery(pg_temp.event('01'), 2) ->> 'outcome'), 'over',
  'and nothing is begun then');
select is(
  (select w ->> 'reason' from party, jsonb_array_elements(api.get_x402_webhooks(provider)) as w),
  'gone', 'which can be seen');

-- Secrets
select lives_ok(
  $$ select api.put_x402_webhook_secret(owner, 'whsec_' || repeat('D', 32), 0) from party $$,
  'a secret is replaced');
select is(
  (select api.begin_x402_delivery(pg_temp.event('02'), 1) -> 'secrets'),
  jsonb_build_array('whsec_' || repeat('D', 32)), 'one that has expired is told to nobody');
select ok(
  (select api.get_x402_webhooks()::text !~ 'whsec_|whsk_'), 'figures tell no secret');

-- Many, by index
insert into ledger.events (id, holder_id, kind, subject_id, facts, happened_at, due_at)
  select gen_random_uuid(), owner, 'lease.revoked', gen_random_uuid(), '{}', ledger.clock(), ledger.clock()
  from party, generate_series(1, 2000);
create temp table before as
  select relname, seq_scan from pg_stat_xact_user_tables where schemaname = 'ledger';
select is(
  (select sum(jsonb_array_length(api.take_x402_events(100))) from generate_series(1, 3)),
  300::bigint, 'events are taken by the hundred');
select is_empty(
  $$
    select now.relname from pg_stat_xact_user_tables as now join before using (relname)
    where now.schemaname = 'ledger' and now.relname = 'events' and now.seq_scan > before.seq_scan
  $$,
  'and no scan of the table finds them');

-- In turns, though statistics say that nothing waits
update ledger.events set state = 'delivered', ended_at = ledger.clock() where state = 'pending';
analyze ledger.events, ledger.webhooks;
create function pg_temp.pile(holder uuid, many integer) returns void language sql as $$
  insert into ledger.events (id, holder_id, kind, subject_id, facts, happened_at, due_at)
  select gen_random_uuid(), holder, 'lease.revoked', gen_random_uuid(), '{}', ledger.clock(), ledger.clock()
  from generate_series(1, many)
$$;
create function pg_temp.taken(most integer) returns table (holder_id uuid, events bigint) language sql as $$
  select e.holder_id, count(*) from jsonb_array_elements(api.take_x402_events(most)) as t (it)
  join ledger.events as e on e.id = (t.it ->> 'event_id')::uuid group by e.holder_id
$$;
create function pg_temp.reads() returns bigint language sql as $$
  select idx_tup_fetch from pg_stat_xact_user_tables where schemaname = 'ledger' and relname = 'events'
$$;
select api.put_x402_webhook(provider, 'https://a.example/') from party;
select api.put_x402_webhook(other, 'https://c.example/', 'whsec_' || repeat('E', 32)) from party;
select pg_temp.pile(owner, 2000), pg_temp.pile(provider, 2000), pg_temp.pile(other, 10) from party;
select results_eq(
  'select events from pg_temp.taken(1000) join party on true order by holder_id = other, holder_id',
  'values (495::bigint), (495), (10)', 'two that are owed thousands leave their turn to one that is owed ten');
select is((select max(events) from pg_temp.taken(2000)), 500::bigint, 'none is taken more than 500 at once');

insert into ledger.webhooks (holder_id, url)
  select gen_random_uuid(), 'https://d.example/' from generate_series(1, 200);
select pg_temp.pile(holder_id, 100) from ledger.webhooks where url = 'https://d.example/';
create temp table before_turns as select pg_temp.reads();
create temp table turns as select api.take_x402_events(100) as taken;
select cmp_ok(
  (select pg_temp.reads() - reads from before_turns), '<', 10000::bigint,
  'of twenty thousand events few are read');
select is(
  (select count(distinct e.holder_id) from turns, jsonb_array_elements(taken) as t (it)
    join ledger.events as e on e.id = (t.it ->> 'event_id')::uuid),
  100::bigint, 'when there are more receivers than fit, none has two turns');
select cmp_ok(
  (select count(distinct holder_id) from (
    select * from pg_temp.taken(100) union all select * from pg_temp.taken(100)) as it),
  '>', 100::bigint, 'and the next turn is not of the same');

select * from finish();
rollback;
