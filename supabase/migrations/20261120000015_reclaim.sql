-- What the batch leaves: promises beyond the escrow, and escrow beyond the promises.
--
-- Locks: none that matter; creates functions.
-- Undo: drop the functions.

-- Pays one promise from the wallet, since its lease no longer covers it; whether it did: within the
-- balance, once more the lease's limit, and the owner's caps of today. No lease follows this one until
-- an operator has looked. The caller holds the locks of wallet and lease.
create function ledger.settle_overdraft(r ledger.promise) returns boolean
language plpgsql set search_path = ''
as $$
declare
  l ledger.leases;
  w ledger.wallets;
  p ledger.policies;
  moment timestamptz := ledger.clock();
  today date;
begin
  select * into l from ledger.leases as it where it.id = r.lease_id;
  select * into w from ledger.wallets as it where it.id = l.wallet_id;
  select * into p from ledger.policies as it where it.wallet_id = w.id;
  today := greatest((moment at time zone 'UTC')::date, w.day);
  if r.amount > l.spend_limit - l.overdraft or r.amount > w.balance
    or r.amount > p.day_max - (case when w.day = today then w.day_spent else 0 end)
    or r.amount > p.month_max - (
      case when w.month = date_trunc('month', today::timestamp)::date then w.month_spent else 0 end)
  then
    return false;
  end if;

  insert into ledger.payments (id, wallet_id, request_id, endpoint_id, provider_id, amount, currency,
    price_version, resource_hash, state, conflict, created_at, lease_id, lease_seq, overdrawn)
  values (r.payment_id, w.id, r.request_id, r.endpoint_id, r.provider_id, r.amount, r.currency,
    r.price_version, r.resource_hash, 'settled',
    exists (
      select from ledger.payments as it
      where it.wallet_id = w.id and it.request_id = r.request_id and not it.conflict),
    ledger.promised_at(r.made_at, l.granted_at, moment), l.id, r.lease_seq, true);
  perform ledger.count_spending(w.id, today, r.amount);
  insert into ledger.credit_inbox (provider_id, endpoint_id, currency, amount, paid_on)
  values (r.provider_id, r.endpoint_id, r.currency, r.amount, today);
  update ledger.leases as it set overdraft = it.overdraft + r.amount where it.id = l.id;
  insert into ledger.lease_stops (wallet_id, reason) values (w.id, 'overdraft') on conflict do nothing;
  return true;
end
$$;
comment on function ledger.settle_overdraft is 'The wallet pays what was promised beyond its escrow.';

-- Notes a promise that nobody covers, once, and has its provider told.
create function ledger.note_unfunded(promise jsonb, code text) returns void
language plpgsql set search_path = ''
as $$
declare
  id uuid := (promise ->> 'payment_id')::uuid;
begin
  insert into ledger.unfunded_proofs (payment_id, lease_id, code, record)
  values (id, (promise ->> 'lease_id')::uuid, note_unfunded.code, promise) on conflict do nothing;
  if found then
    perform ledger.emit('payment.failed', id, (promise ->> 'provider_id')::uuid, jsonb_build_object(
      'request_id', promise ->> 'request_id', 'endpoint_id', promise ->> 'endpoint_id',
      'amount', promise ->> 'amount', 'currency', promise ->> 'currency', 'code', note_unfunded.code));
  end if;
end
$$;
comment on function ledger.note_unfunded is 'Writes an unfunded proof, and payment.failed for its provider.';

-- Settles records that the batch refused as overdrawn or reclaimed: from the lease if it covers them
-- after all, else an overdrawn one from the wallet, else it is noted as an unfunded proof.
--
-- Takes and answers what settle_x402_batch does. Safe to repeat; a later repeat may find funds.
-- Locks wallets by id, then leases by id, which is why the batch cannot do this itself.
create function api.settle_x402_overdrawn(records jsonb) returns jsonb
language plpgsql security definer
set search_path = '' set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
set jit = off set statement_timeout = '3s' set lock_timeout = '1s'
as $$
declare
  as_of bigint := ledger.unix(ledger.clock());
  outcomes jsonb := '[]';
  outcome jsonb;
  promises ledger.promise[];
  promise ledger.promise;
begin
  if jsonb_array_length(records) not between 1 and 1000 then
    raise exception 'a batch has 1 to 1000 records' using errcode = '22023';
  end if;
  promises := ledger.read_records(records);
  perform from ledger.wallets as w where w.id = any (array(
    select l.wallet_id from unnest(promises) as r
    join ledger.leases as l on l.id = r.lease_id)) order by w.id for no key update;
  perform ledger.lock_leases(promises);
  foreach promise in array promises loop
    outcome := ledger.settle_records(array[promise]) -> 0;
    if outcome ->> 'code' = 'lease_overdrawn' then
      if ledger.settle_overdraft(promise) then outcome := '{"outcome": "settled"}'; end if;
    end if;
    if outcome ->> 'outcome' <> 'failed' then
      update ledger.unfunded_proofs as u set funded_at = ledger.clock()
      where u.payment_id = promise.payment_id and u.funded_at is null;
    elsif outcome ->> 'code' in ('lease_overdrawn', 'lease_reclaimed') then
      perform ledger.note_unfunded(records -> (promise.place - 1), outcome ->> 'code');
    end if;
    outcomes := outcomes || outcome;
  end loop;
  perform ledger.tell_settled(records, outcomes);
  return jsonb_build_object('as_of', as_of, 'outcomes', outcomes);
end
$$;

-- Notes that these shards of a region held nothing promised before `as_of`, which an earlier call
-- answered: whoever drains asks, reads the shards, finds them empty, and says so with that answer.
-- A late or repeated note changes nothing. Without `as_of` it only answers the next one.
create function api.note_x402_drained(region text, shards integer[], as_of bigint default null)
returns jsonb
language sql security definer set search_path = '' set statement_timeout = '3s'
as $$
  insert into ledger.drain_watermarks as w (region, shard, drained_through)
  select distinct note_x402_drained.region, s.shard,
    least(to_timestamp(note_x402_drained.as_of), ledger.clock())
  from unnest(note_x402_drained.shards) as s (shard)
  where note_x402_drained.as_of is not null order by 2
  on conflict (region, shard) do update
    set drained_through = greatest(w.drained_through, excluded.drained_through);
  select jsonb_build_object('as_of', ledger.unix(ledger.clock()))
$$;

-- Gives what is left of one lease back to its wallet and to the counters of its policy day.
create function ledger.reclaim(l ledger.leases, moment timestamptz) returns void
language plpgsql set search_path = ''
as $$
declare
  rest bigint := l.escrow - l.settled;
  policy_month date := date_trunc('month', l.policy_day::timestamp)::date;
begin
  update ledger.leases as it set state = 'reclaimed', returned = rest, reclaimed_at = moment
  where it.id = l.id;
  update ledger.wallets as w set
    balance = w.balance + rest,
    day_spent = w.day_spent - case when w.day = l.policy_day then rest else 0 end,
    month_spent = w.month_spent - case when w.month = policy_month then rest else 0 end
  where w.id = l.wallet_id;
end
$$;
comment on function ledger.reclaim is 'Posting template reclaim: lease to wallet. From here on its proofs are refused.';

-- Reclaims leases whose proofs have run out and whose shard was drained since the last was promised.
--
-- Answers {reclaimed, stalled}: how many came back, and how many are due but wait for their shard.
-- Safe to repeat. Locks wallets by id, then leases by id. No clock but this one is asked.
create function api.reclaim_x402_leases(most integer default 100) returns jsonb
language plpgsql security definer
set search_path = '' set enable_seqscan = off set statement_timeout = '10s' set lock_timeout = '1s'
as $$
declare
  moment timestamptz := ledger.clock();
  due uuid[];
  l ledger.leases;
  reclaimed integer := 0;
begin
  due := array(
    select it.id from ledger.leases as it
    join ledger.drain_watermarks as m on m.region = it.region and m.shard = it.shard
    join ledger.wallets as w on w.id = it.wallet_id
    where it.state <> 'reclaimed' and it.reclaim_after <= moment
      and m.drained_through >= it.granted_at + interval '60 seconds'
      and w.balance < 9007199254740992 - it.escrow -- else it waits, and delays nobody
    order by it.reclaim_after, it.id limit most);
  perform from ledger.wallets as w where w.id = any (array(
    select it.wallet_id from ledger.leases as it where it.id = any (due)))
  order by w.id for no key update;
  for l in
    select * from ledger.leases as it where it.id = any (due) and it.state <> 'reclaimed'
    order by it.id for no key update
  loop
    perform ledger.reclaim(l, moment);
    reclaimed := reclaimed + 1;
  end loop;
  return jsonb_build_object('reclaimed', reclaimed, 'stalled', (
    select count(*) from ledger.leases as it
    where it.state <> 'reclaimed' and it.reclaim_after <= moment
      and not exists (
        select from ledger.drain_watermarks as m
        where m.region = it.region and m.shard = it.shard
          and m.drained_through >= it.granted_at + interval '60 seconds')));
end
$$;

do $$
declare
  name text;
begin
  foreach name in array array['settle_x402_overdrawn', 'note_x402_drained', 'reclaim_x402_leases'] loop
    execute format('revoke execute on function api.%I from public', name);
    execute format('grant execute on function api.%I to x402_drain', name);
  end loop;
end
$$;
comment on function api.settle_x402_overdrawn is 'Settles what escrow no longer covers from the wallet, or notes it.';
comment on function api.note_x402_drained is 'Moves the watermarks that reclaim waits for.';
comment on function api.reclaim_x402_leases is 'Returns unspent escrow, by the clock of the database alone.';
