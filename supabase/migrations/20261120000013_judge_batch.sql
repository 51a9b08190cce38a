-- Judging a batch of records of promises: what becomes of each, as if they came one by one.
--
-- No business rule is judged again: price, policy and status were, when the promise was made. What
-- is judged is whether the record is one, whose lease it names, and whether the escrow covers it.
--
-- Locks: none that matter; creates functions.
-- Undo: drop the functions, then the types.

-- A record of a promise, taken apart. Of what is no record only the place is sure, and it has no amount.
create type ledger.promise as (
  place integer, payment_id uuid, wallet_id uuid, request_id text, endpoint_id uuid, provider_id uuid,
  amount bigint, currency text, price_version integer, resource_hash bytea, lease_id uuid,
  lease_seq integer, made_at bigint);
comment on type ledger.promise is 'What a record of a promise says.';

-- The records of a batch. All members of all of them are given their types at once, which costs a third
-- of asking for each whether it is valid; that raises for one that is none, and halves find it. What
-- is rolled back with it has only read: it is no subtransaction that anybody would have to look up.
create function ledger.read_records(records jsonb, skipped integer default 0) returns ledger.promise[]
language plpgsql stable set search_path = ''
as $$
declare
  counted integer := jsonb_array_length(records);
  half integer := counted / 2;
begin
  return array(
    select row(skipped + r.place, r.payment_id, r.wallet_id, r.request_id, r.endpoint_id, r.provider_id,
      case when w.well then r.amount end, r.currency, r.price_version,
      case when w.well then
        substring(decode(translate(r.resource_hash, '-_', '+/') || '==', 'base64') from 1 for 16) end,
      r.lease_id, r.seq, r.made_at)::ledger.promise
    from rows from (jsonb_to_recordset(records) as (
      payment_id uuid, wallet_id uuid, request_id text, endpoint_id uuid, provider_id uuid,
      amount bigint, currency text, price_version integer, resource_hash text, lease_id uuid,
      seq integer, made_at bigint)) with ordinality as r (
      payment_id, wallet_id, request_id, endpoint_id, provider_id, amount, currency, price_version,
      resource_hash, lease_id, seq, made_at, place),
    lateral (
      select r.payment_id is not null and r.endpoint_id is not null and r.provider_id is not null
        and r.lease_id is not null and r.made_at is not null
        and least(r.amount, r.seq, r.price_version) > 0 and r.amount < 9007199254740992
        and r.seq is not null and r.price_version is not null
        and length(r.request_id) <= 64 and length(r.resource_hash) = 22
        and r.request_id ~ '^[A-Za-z0-9_-]+$' and r.resource_hash ~ '^[A-Za-z0-9_-]+$'
      offset 0) as w (well));
exception when data_exception then
  if counted = 1 then
    return array[row(skipped + 1, null, null, null, null, null, null, null, null, null, null, null, null)
      ::ledger.promise];
  end if;
  return ledger.read_records(jsonb_path_query_array(records, '$[0 to $last]',
      jsonb_build_object('last', half - 1)), skipped)
    || ledger.read_records(jsonb_path_query_array(records, '$[$first to last]',
      jsonb_build_object('first', half)), skipped + half);
end
$$;
comment on function ledger.read_records is 'Nothing raises on a record that is none: it comes out empty.';

-- What becomes of a record. `outcome`: settled, replayed, raced, or the code of a failure. `conflict`:
-- the request id has another payment. `forked`: the lease has another payment of that number.
create type ledger.judged as (
  place integer, payment_id uuid, wallet_id uuid, request_id text, endpoint_id uuid, provider_id uuid,
  amount bigint, currency text, price_version integer, resource_hash bytea, created_at timestamptz,
  lease_id uuid, lease_seq integer, policy_day date, room bigint, outcome text, conflict boolean,
  forked boolean);
comment on type ledger.judged is 'A record of a promise, and what becomes of it.';

-- When a promise was made, by its record, within half a minute of what this clock allows.
create function ledger.promised_at(made_at bigint, granted_at timestamptz, moment timestamptz)
returns timestamptz
language sql stable parallel safe
as $$
  select greatest(granted_at - interval '30 seconds',
    least(moment + interval '30 seconds', to_timestamp(made_at)))
$$;
comment on function ledger.promised_at is 'Other clocks differ from this one by 30 seconds at most.';

-- Whether a promise of a payment that was made already comes too late to be its repeat: its proof, good
-- for 120 seconds, would outlive the 15 minutes for which first uses are remembered. Clocks may differ.
create function ledger.is_late(made_at bigint, created_at timestamptz) returns boolean
language sql stable parallel safe
as $$ select to_timestamp(made_at) + interval '120 seconds' > created_at + interval '15 minutes 30 seconds' $$;
comment on function ledger.is_late is 'Else an old payment would buy its resource again, each quarter of an hour.';

-- What a promise is, whose payment was made already. The one it was made from is the same promise
-- again, whenever it comes; another one is only good for as long as the payment can be redeemed.
create function ledger.judge_again(r ledger.promise, lease_id uuid, lease_seq integer, created_at timestamptz)
returns text
language plpgsql stable set search_path = ''
as $$
begin
  if (judge_again.lease_id, judge_again.lease_seq) = (r.lease_id, r.lease_seq) then
    return 'replayed';
  elsif ledger.is_late(r.made_at, judge_again.created_at)
    or exists (select from ledger.refunds as f where f.payment_id = r.payment_id)
  then
    return 'redemption_over';
  end if;
  return 'replayed';
end
$$;
comment on function ledger.judge_again is 'A payment is not redeemed again by being promised again.';

-- What becomes of records, one after the other, where what becomes of one depends on an earlier one.
-- Rare, and so a loop that looks back, rather than window functions through which every batch goes.
create function ledger.judge_in_turn(promises ledger.promise[], judged ledger.judged[])
returns ledger.judged[]
language plpgsql immutable set search_path = ''
as $$
declare
  p ledger.promise;
  j ledger.judged;
  earlier record;
begin
  for at in 1 .. cardinality(judged) loop
    p := promises[at];
    j := judged[at];
    select
      bool_or(e.payment_id = p.payment_id) as known,
      bool_or((e.payment_id, e.request_id, e.endpoint_id, e.provider_id, e.amount, e.wallet_id)
        = (p.payment_id, p.request_id, p.endpoint_id, p.provider_id, p.amount,
          coalesce(p.wallet_id, e.wallet_id))) as same,
      max(e.created_at) filter (where e.payment_id = p.payment_id
        and (e.lease_id, e.lease_seq) <> (p.lease_id, p.lease_seq)) as made,
      bool_or((e.wallet_id, e.request_id) = (j.wallet_id, j.request_id)) as conflict,
      bool_or((e.lease_id, e.lease_seq) = (j.lease_id, j.lease_seq)) as forked,
      coalesce(sum(e.amount) filter (where e.lease_id = j.lease_id), 0) as spent
    into earlier from unnest(judged[:at - 1]) as e where e.outcome = 'settled';
    if earlier.known and j.outcome <> 'malformed' then
      j.outcome := case
        when not earlier.same then 'payment_mismatch'
        when ledger.is_late(p.made_at, earlier.made) then 'redemption_over' -- of another promise
        else 'replayed'
      end;
    elsif j.outcome = 'settled' and j.amount > j.room - earlier.spent then
      j.outcome := 'lease_overdrawn'; -- and a later, smaller one may still fit
    end if;
    j.conflict := j.conflict or coalesce(earlier.conflict, false);
    j.forked := j.forked or coalesce(earlier.forked, false);
    judged[at] := j;
  end loop;
  return judged;
end
$$;
comment on function ledger.judge_in_turn is 'Judges again what was judged as if each came alone.';

-- What becomes of each record. The caller holds the locks of the leases.
create function ledger.judge_records(promises ledger.promise[]) returns ledger.judged[]
language plpgsql set search_path = ''
as $$
declare
  moment timestamptz := ledger.clock();
  judged ledger.judged[];
begin
  judged := array(
    select row(r.place, r.payment_id, l.wallet_id, r.request_id, r.endpoint_id, r.provider_id, r.amount,
      r.currency, r.price_version, r.resource_hash,
      ledger.promised_at(r.made_at, l.granted_at, moment), r.lease_id, r.lease_seq, l.policy_day,
      l.escrow - l.settled,
      case
        when r.amount is null then 'malformed'
        when (k.request_id, k.endpoint_id, k.provider_id, k.amount::bigint, k.wallet_id)
          = (r.request_id, r.endpoint_id, r.provider_id, r.amount, coalesce(r.wallet_id, k.wallet_id))
          then ledger.judge_again(r, k.lease_id, k.lease_seq, k.created_at)
        when k.id is not null then 'payment_mismatch'
        when l.id is null then 'lease_unknown'
        when l.currency is distinct from r.currency or l.wallet_id <> r.wallet_id
          then 'lease_mismatch'
        when e.currency is distinct from l.currency or e.provider_id <> r.provider_id
          then 'endpoint_mismatch'
        when l.state = 'reclaimed' then 'lease_reclaimed'
        when r.amount > l.escrow - l.settled then 'lease_overdrawn'
        else 'settled'
      end,
      -- Not exists(): the planner would rather hash every payment there is.
      (select true from ledger.payments as p
        where p.wallet_id = l.wallet_id and p.request_id = r.request_id and not p.conflict limit 1)
        is true,
      (select true from ledger.payments as p
        where p.lease_id = r.lease_id and p.lease_seq = r.lease_seq limit 1) is true)::ledger.judged
    from unnest(promises) as r
    -- The limit keeps each a probe by key, whatever the planner thinks of the tables' sizes.
    left join lateral (
      select * from ledger.payments as p where p.id = r.payment_id limit 1) as k on true
    left join lateral (
      select * from ledger.leases as it where it.id = r.lease_id limit 1) as l on true
    left join lateral (
      select * from ledger.endpoints as it where it.id = r.endpoint_id limit 1) as e on true);
  -- One record depends on an earlier one by its payment, its request, its number, or what is left.
  if cardinality(judged) > 1 and (
    exists (
      select from unnest(judged) as j where j.payment_id is not null
      group by j.payment_id having count(*) > 1)
    or exists (
      select from unnest(judged) as j where j.outcome = 'settled'
      group by j.wallet_id, j.request_id having count(*) > 1)
    or exists (
      select from unnest(judged) as j where j.outcome = 'settled'
      group by j.lease_id, j.room
      having sum(j.amount) > j.room or count(distinct j.lease_seq) < count(*)))
  then
    return ledger.judge_in_turn(promises, judged);
  end if;
  return judged;
end
$$;
comment on function ledger.judge_records is 'Judges a batch as if its records came one by one.';
