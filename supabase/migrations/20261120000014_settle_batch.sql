-- Settling what edges promised from leases: one call, up to a thousand records, one outcome each.
--
-- Locks: none that matter; creates functions.
-- Undo: drop function api.settle_x402_batch, then the ledger functions in reverse order.

-- Locks the leases a batch names, in order.
create function ledger.lock_leases(promises ledger.promise[]) returns void
language plpgsql set search_path = ''
as $$
begin
  perform from ledger.leases as l
  where l.id = any (array(select distinct p.lease_id from unnest(promises) as p))
  order by l.id for no key update;
end
$$;
comment on function ledger.lock_leases is 'One after the other, by id: batches wait for each other and never deadlock.';

-- Settles promises and answers their outcomes, in order. The caller holds the locks of their leases.
create function ledger.settle_records(promises ledger.promise[]) returns jsonb
language plpgsql set search_path = ''
as $$
declare
  judged ledger.judged[] := ledger.judge_records(promises);
  first integer := promises[1].place - 1;
  paid uuid[];
begin
  -- Sorted by both unique keys, so that two batches that meet in a payment wait and never deadlock.
  with it as (
    insert into ledger.payments (id, wallet_id, request_id, endpoint_id, provider_id, amount, currency,
      price_version, resource_hash, state, conflict, created_at, lease_id, lease_seq, overdrawn)
    select j.payment_id, j.wallet_id, j.request_id, j.endpoint_id, j.provider_id, j.amount, j.currency,
      j.price_version, j.resource_hash, 'settled', j.conflict, j.created_at, j.lease_id, j.lease_seq,
      false
    from unnest(judged) as j where j.outcome = 'settled'
    order by j.wallet_id, j.request_id, j.payment_id
    on conflict do nothing returning id
  )
  select array_agg(id) into paid from it;
  -- Somebody wrote the same payment or request since it was judged, for no lock keeps a payment
  -- that is not there. These are asked again below, one by one, and by now see who was first.
  if coalesce(cardinality(paid), 0) < (
    select count(*) from unnest(judged) as j where j.outcome = 'settled')
  then
    judged := array(
      select row(j.place, j.payment_id, j.wallet_id, j.request_id, j.endpoint_id, j.provider_id, j.amount,
        j.currency, j.price_version, j.resource_hash, j.created_at, j.lease_id, j.lease_seq, j.policy_day,
        j.room, case when j.outcome = 'settled' and (j.payment_id = any (paid)) is not true
          then 'raced' else j.outcome end, j.conflict, j.forked)::ledger.judged
      from unnest(judged) as j);
  end if;
  insert into ledger.credit_inbox (provider_id, endpoint_id, currency, amount, paid_on)
  select j.provider_id, j.endpoint_id, j.currency, j.amount, j.policy_day
  from unnest(judged) as j where j.outcome = 'settled' order by j.place;
  update ledger.leases as l set
    settled = l.settled + m.amount,
    forked = l.forked or m.forked or l.settled + m.amount > l.spend_limit,
    state = case when l.state = 'open' and (m.forked or l.settled + m.amount > l.spend_limit)
      then 'revoked' else l.state end
  from (
    select j.lease_id, sum(case j.outcome when 'settled' then j.amount else 0 end)::bigint as amount,
      bool_or(j.forked or j.outcome = 'lease_overdrawn') as forked
    from unnest(judged) as j where j.outcome in ('settled', 'lease_overdrawn') group by j.lease_id
  ) as m
  where l.id = m.lease_id;
  -- Whoever has old payments promised again is promised nothing more until an operator has looked.
  insert into ledger.lease_stops (wallet_id, reason)
  select distinct j.wallet_id, 'redemption_over' from unnest(judged) as j
  where j.outcome = 'redemption_over' and j.wallet_id is not null order by 1 on conflict do nothing;
  return (
    select jsonb_agg(case
        when j.outcome = 'settled' and j.conflict then '{"outcome": "honoured"}'
        when j.outcome = 'settled' then '{"outcome": "settled"}'
        when j.outcome = 'replayed' then '{"outcome": "replayed"}'
        when j.outcome = 'raced' then ledger.settle_records(array[promises[j.place - first]]) -> 0
        else jsonb_build_object('outcome', 'failed', 'code', j.outcome)
      end order by j.place)
    from unnest(judged) as j);
end
$$;
comment on function ledger.settle_records is 'Posting template settle, lease to provider, for many at once.';

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
  promises ledger.promise[];
  outcomes jsonb;
begin
  if jsonb_array_length(records) not between 1 and 1000 then
    raise exception 'a batch has 1 to 1000 records' using errcode = '22023';
  end if;
  promises := ledger.read_records(records);
  perform ledger.lock_leases(promises);
  outcomes := ledger.settle_records(promises);
  perform ledger.tell_settled(records, outcomes);
  return jsonb_build_object('as_of', as_of, 'outcomes', outcomes);
end
$$;
revoke execute on function api.settle_x402_batch from public;
grant execute on function api.settle_x402_batch to x402_drain;
comment on function api.settle_x402_batch is 'Settles promised payments, hundreds in one call.';
