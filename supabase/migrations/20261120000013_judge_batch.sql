-- Judging a batch of records of promises: what becomes of each, as if they came one by one.
--
-- No business rule is judged again: price, policy and status were, when the promise was made. What
-- is judged is whether the record is one, whose lease it names, and whether the escrow covers it.
--
-- Locks: none that matter; creates functions.
-- Undo: drop the functions and the aggregate, in reverse order.

-- The greedy sum: an amount is taken if it still fits, so a later, smaller one may fit after one
-- that did not, as when each is settled alone. It has no search path of its own, since
-- its caller has the empty one: setting it would cost every record more than the sum does.
create function ledger.take(taken bigint, amount bigint, room bigint) returns bigint
language plpgsql immutable parallel safe
as $$
begin
  if amount > room - taken then return taken; end if;
  return taken + amount;
end
$$;
comment on function ledger.take is 'One step of greedy_sum.';
create aggregate ledger.greedy_sum(amount bigint, room bigint) (
  sfunc = ledger.take, stype = bigint, initcond = '0');
comment on aggregate ledger.greedy_sum(bigint, bigint) is 'The sum, in order, of the amounts that fit the room.';

-- The records of a batch from one place on, taken apart. Of what is no record, only the place.
create function ledger.read_records(records jsonb, after integer)
returns table (
  place integer, payment_id uuid, wallet_id uuid, request_id text, endpoint_id uuid, provider_id uuid,
  amount bigint, currency text, price_version integer, resource_hash bytea, lease_id uuid,
  lease_seq integer, made_at bigint, content jsonb)
language plpgsql immutable set search_path = ''
as $$
begin
  -- Materialized, or every member that is taken out would check the record again.
  return query
  with checked as materialized (
    select e.place, case
      when pg_input_is_valid(e.it ->> 'payment_id', 'uuid')
        and pg_input_is_valid(e.it ->> 'lease_id', 'uuid')
        and pg_input_is_valid(e.it ->> 'endpoint_id', 'uuid')
        and pg_input_is_valid(e.it ->> 'provider_id', 'uuid')
        and pg_input_is_valid(coalesce(e.it ->> 'wallet_id', e.it ->> 'lease_id'), 'uuid')
        and pg_input_is_valid(e.it ->> 'amount', 'bigint')
        and pg_input_is_valid(e.it ->> 'seq', 'integer')
        and pg_input_is_valid(e.it ->> 'price_version', 'integer')
        and pg_input_is_valid(e.it ->> 'made_at', 'bigint')
        and length(e.it ->> 'request_id') between 1 and 64 and length(e.it ->> 'resource_hash') = 22
        and (e.it ->> 'request_id') || (e.it ->> 'resource_hash') !~ '[^A-Za-z0-9_-]'
      then e.it end as it
    from jsonb_array_elements(records) with ordinality as e (it, place)
    where e.place > after
  )
  select c.place::integer, (c.it ->> 'payment_id')::uuid, (c.it ->> 'wallet_id')::uuid,
    c.it ->> 'request_id', (c.it ->> 'endpoint_id')::uuid, (c.it ->> 'provider_id')::uuid,
    (c.it ->> 'amount')::bigint, c.it ->> 'currency', (c.it ->> 'price_version')::integer,
    decode(translate(c.it ->> 'resource_hash', '-_', '+/') || '==', 'base64'),
    (c.it ->> 'lease_id')::uuid, (c.it ->> 'seq')::integer, (c.it ->> 'made_at')::bigint, c.it
  from checked as c;
end
$$;
comment on function ledger.read_records is 'Nothing raises on a record that is none: it comes out empty.';

-- When a promise was made, by its record, within half a minute of what this clock allows.
create function ledger.promised_at(made_at bigint, granted_at timestamptz, moment timestamptz)
returns timestamptz
language sql stable parallel safe
as $$
  select greatest(granted_at - interval '30 seconds',
    least(moment + interval '30 seconds', to_timestamp(made_at)))
$$;
comment on function ledger.promised_at is 'Other clocks differ from this one by 30 seconds at most.';

-- What becomes of each record from one place on, until one repeats an id of them with other words:
-- what that one is depends on what becomes of the earlier. The caller holds the locks of the leases.
--
-- `outcome`: settled, replayed, or the code of a failure. `conflict`: the request id has another
-- payment. `forked`: the lease has another payment of that number.
create function ledger.judge_records(records jsonb, after integer, moment timestamptz)
returns table (
  place integer, payment_id uuid, wallet_id uuid, request_id text, endpoint_id uuid, provider_id uuid,
  amount bigint, currency text, price_version integer, resource_hash bytea, created_at timestamptz,
  lease_id uuid, lease_seq integer, policy_day date, outcome text, conflict boolean, forked boolean)
language plpgsql set search_path = ''
as $$
#variable_conflict use_column
begin
  return query
  with known as materialized (
    select r.*, l.wallet_id as payer, l.policy_day, l.granted_at, l.escrow - l.settled as room,
      first_value(r.place) over same_id as first_place,
      r.payment_id is null or r.content = first_value(r.content) over same_id as as_first,
      case
        when (least(r.amount, r.lease_seq, r.price_version) > 0 and r.amount < 9007199254740992) is not true
          then 'malformed'
        when (k.request_id, k.endpoint_id, k.provider_id, k.amount::bigint, k.wallet_id)
          = (r.request_id, r.endpoint_id, r.provider_id, r.amount, coalesce(r.wallet_id, k.wallet_id))
          then 'replayed'
        when k.id is not null then 'payment_mismatch'
        when l.id is null then 'lease_unknown'
        when l.currency is distinct from r.currency or l.wallet_id <> r.wallet_id
          then 'lease_mismatch'
        when e.currency is distinct from l.currency or e.provider_id <> r.provider_id
          then 'endpoint_mismatch'
        when l.state = 'reclaimed' then 'lease_reclaimed'
        else 'settled'
      end as verdict
    from ledger.read_records(records, after) as r
    -- The limit keeps each a probe by key, whatever the planner thinks of the tables' sizes.
    left join lateral (
      select * from ledger.payments as p where p.id = r.payment_id limit 1) as k on true
    left join lateral (
      select * from ledger.leases as it where it.id = r.lease_id limit 1) as l on true
    left join lateral (
      select * from ledger.endpoints as it where it.id = r.endpoint_id limit 1) as e on true
    window same_id as (partition by r.payment_id order by r.place)
  ), taken as (
    select k.*, ledger.greedy_sum(k.amount, k.room)
        filter (where k.verdict = 'settled' and k.place = k.first_place)
        over (partition by k.lease_id order by k.place) as total
    from known as k
    where k.place < (select coalesce(min(c.place), 2147483647) from known as c where not c.as_first)
  ), fitted as (
    select t.*, case
        when t.verdict = 'settled' and t.place = t.first_place
          and t.total = lag(t.total, 1, 0::bigint) over (partition by t.lease_id order by t.place)
          then 'lease_overdrawn'
        else t.verdict
      end as found
    from taken as t
  ), decided as (
    select f.*, case
        when f.payment_id is null or f.place = f.first_place then f.found
        when first_value(f.found) over same_id = 'settled' then 'replayed'
        else first_value(f.found) over same_id
      end as outcome
    from fitted as f
    window same_id as (partition by f.payment_id order by f.place)
  )
  -- Not exists(): the planner would rather hash every payment there is.
  select d.place, d.payment_id, d.payer, d.request_id, d.endpoint_id, d.provider_id, d.amount,
    d.currency, d.price_version, substring(d.resource_hash from 1 for 16),
    ledger.promised_at(d.made_at, d.granted_at, moment),
    d.lease_id, d.lease_seq, d.policy_day, d.outcome,
    d.outcome = 'settled' and (
      row_number() over (partition by d.payer, d.request_id, d.outcome order by d.place) > 1
      or (select true from ledger.payments as p
        where p.wallet_id = d.payer and p.request_id = d.request_id and not p.conflict limit 1) is true),
    d.outcome = 'settled' and (
      row_number() over (partition by d.lease_id, d.lease_seq, d.outcome order by d.place) > 1
      or (select true from ledger.payments as p
        where p.lease_id = d.lease_id and p.lease_seq = d.lease_seq limit 1) is true)
  from decided as d;
end
$$;
comment on function ledger.judge_records is 'Decides a batch as if its records came one by one.';
