-- Settling what edges promised from leases: one call, up to a thousand records, one outcome each.
--
-- Locks: none that matter; creates functions.
-- Undo: drop function api.settle_x402_batch, then the ledger functions in reverse order.

-- Locks the leases a batch names, in order.
create function ledger.lock_leases(records jsonb) returns void
language plpgsql set search_path = ''
as $$
begin
  perform from ledger.leases as l where l.id = any (array(
    select distinct (e.it ->> 'lease_id')::uuid from jsonb_array_elements(records) as e (it)
    where pg_input_is_valid(e.it ->> 'lease_id', 'uuid')))
  order by l.id for no key update;
end
$$;
comment on function ledger.lock_leases is 'One after the other, by id: batches wait for each other and never deadlock.';

-- Settles records from one place on, as far as they are judged; answers the outcomes, at least one.
-- 'raced': somebody wrote the same payment or request meanwhile, so this one is asked again.
create function ledger.settle_records(records jsonb, after integer) returns jsonb
language plpgsql set search_path = ''
as $$
declare
  outcomes jsonb;
begin
  -- Sorted by both unique keys, so that two batches that meet in a payment wait and never deadlock.
  with judged as materialized (
    select * from ledger.judge_records(records, after, ledger.clock())
  ), paid as (
    insert into ledger.payments (id, wallet_id, request_id, endpoint_id, provider_id, amount, currency,
      price_version, resource_hash, state, conflict, created_at, lease_id, lease_seq, overdrawn)
    select j.payment_id, j.wallet_id, j.request_id, j.endpoint_id, j.provider_id, j.amount, j.currency,
      j.price_version, j.resource_hash, 'settled', j.conflict, j.created_at, j.lease_id, j.lease_seq,
      false
    from judged as j where j.outcome = 'settled'
    order by j.wallet_id, j.request_id, j.payment_id
    on conflict do nothing returning id
  ), lost as (
    select array(
      select j.payment_id from judged as j where j.outcome = 'settled'
      except select p.id from paid as p) as ids
  ), settled as materialized (
    select j.* from judged as j, lost where j.outcome = 'settled' and j.payment_id <> all (lost.ids)
  ), credited as (
    insert into ledger.credit_inbox (provider_id, endpoint_id, currency, amount, paid_on)
    select s.provider_id, s.endpoint_id, s.currency, s.amount, s.policy_day
    from settled as s order by s.place
  ), spent as (
    update ledger.leases as l set
      settled = l.settled + m.amount,
      forked = l.forked or m.forked or l.settled + m.amount > l.spend_limit,
      state = case when l.state = 'open' and (m.forked or l.settled + m.amount > l.spend_limit)
        then 'revoked' else l.state end
    from (
      select i.lease_id, sum(i.amount)::bigint as amount, bool_or(i.forked) as forked
      from (
        select s.lease_id, s.amount, s.forked from settled as s
        union all
        select j.lease_id, 0, true from judged as j where j.outcome = 'lease_overdrawn'
      ) as i group by i.lease_id
    ) as m
    where l.id = m.lease_id
  )
  select jsonb_agg(case
      when j.outcome = 'settled' and j.payment_id = any (lost.ids) then '{"outcome": "raced"}'
      when j.outcome = 'settled' and j.conflict then '{"outcome": "honoured"}'
      when j.outcome in ('settled', 'replayed') then jsonb_build_object('outcome', j.outcome)
      else jsonb_build_object('outcome', 'failed', 'code', j.outcome)
    end order by j.place)
  into outcomes from judged as j, lost;
  return outcomes;
end
$$;
comment on function ledger.settle_records is 'Posting template settle, lease to provider, for many at once.';

-- Settles one record; by now it sees who wrote the same one before it.
create function ledger.settle_record(promise jsonb) returns jsonb
language plpgsql set search_path = ''
as $$
declare
  outcome jsonb;
begin
  loop
    outcome := ledger.settle_records(jsonb_build_array(promise), 0) -> 0;
    if outcome ->> 'outcome' <> 'raced' then return outcome; end if;
  end loop;
end
$$;
comment on function ledger.settle_record is 'One record, to an outcome.';

-- Has providers told which of these records settled. Where nobody listens it costs one look.
create function ledger.tell_settled(records jsonb, outcomes jsonb) returns void
language plpgsql set search_path = ''
as $$
begin
  if not exists (select from ledger.webhooks) then return; end if;
  perform ledger.emit_payments('payment.settled', array(
    select (tell_settled.records -> (o.place - 1)::integer ->> 'payment_id')::uuid
    from jsonb_array_elements(tell_settled.outcomes) with ordinality as o (it, place)
    where o.it ->> 'outcome' in ('settled', 'honoured')));
end
$$;
comment on function ledger.tell_settled is 'Writes payment.settled for the providers of a batch.';

-- Settles 1 to 1000 records of promises made from leases, with one outcome each, in order.
--
-- Answers {as_of, outcomes: [{outcome: 'settled' | 'replayed' | 'honoured'} | {outcome: 'failed',
-- code}]}. Honoured: settled, though its request id already named another payment. `as_of`: unix
-- seconds before anything was read; see note_x402_drained.
-- Safe to repeat: what settled is answered 'replayed'. Locks the leases by id, nothing else.
create function api.settle_x402_batch(records jsonb) returns jsonb
language plpgsql security definer
set search_path = '' set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
set plan_cache_mode = force_generic_plan set jit = off set statement_timeout = '3s' set lock_timeout = '1s'
as $$
declare
  as_of bigint := ledger.unix(ledger.clock());
  outcomes jsonb := '[]';
  counted integer := jsonb_array_length(records);
begin
  if counted not between 1 and 1000 then
    raise exception 'a batch has 1 to 1000 records' using errcode = '22023';
  end if;
  perform ledger.lock_leases(records);
  while jsonb_array_length(outcomes) < counted loop
    outcomes := outcomes || ledger.settle_records(records, jsonb_array_length(outcomes));
  end loop;
  if outcomes @> '[{"outcome": "raced"}]' then
    select jsonb_agg(case when o.it ->> 'outcome' = 'raced'
      then ledger.settle_record(records -> (o.place - 1)::integer) else o.it end order by o.place)
    into outcomes from jsonb_array_elements(outcomes) with ordinality as o (it, place);
  end if;
  perform ledger.tell_settled(records, outcomes);
  return jsonb_build_object('as_of', as_of, 'outcomes', outcomes);
end
$$;
revoke execute on function api.settle_x402_batch from public;
grant execute on function api.settle_x402_batch to x402_drain;
comment on function api.settle_x402_batch is 'Settles promised payments, hundreds in one call.';
