-- Granting a lease: who may have one, how large, on what terms.
--
-- Locks: none that matter; creates functions.
-- Undo: drop the functions.

-- The terms an edge checks a promise against, as they are while the lease is open.
--
-- `key_hashes`: keys that outlive the lease. `thumbprints`: keys that sign; null when the agent has
-- none registered and may pay unsigned. `day_seconds`: until the policy day ends; the right to issue
-- ends with it. Durations only: no other clock than this database's is compared with it.
create function ledger.lease_terms(lease_id uuid) returns jsonb
language plpgsql stable set search_path = ''
as $$
#variable_conflict use_variable
declare
  l ledger.leases;
  p ledger.policies;
  agent uuid;
  moment timestamptz := ledger.clock();
begin
  select * into l from ledger.leases as it where it.id = lease_id;
  select * into p from ledger.policies as it where it.wallet_id = l.wallet_id;
  select w.agent_id into agent from ledger.wallets as w where w.id = l.wallet_id;
  return jsonb_build_object(
    'lease_id', l.id, 'wallet_id', l.wallet_id, 'agent_id', agent, 'region', l.region,
    'epoch', l.epoch, 'nonce', l.nonce, 'limit', l.spend_limit::text, 'currency', l.currency,
    'policy_version', l.policy_version, 'payment_max', p.payment_max::text,
    'providers', to_jsonb(p.providers),
    'key_hashes', (
      select coalesce(jsonb_agg(encode(k.key_hash, 'hex') order by k.id), '[]')
      from ledger.agent_keys as k
      where k.agent_id = agent and k.revoked_at is null
        and (k.expires_at is null or k.expires_at > moment + interval '60 seconds')),
    'thumbprints', (
      select coalesce(
        jsonb_agg(s.thumbprint order by s.thumbprint) filter (where s.revoked_at is null), '[]')
      from ledger.agent_signers as s where s.agent_id = agent having count(*) > 0),
    'day_seconds', floor(extract(epoch from
      ((l.policy_day + 1)::timestamp at time zone 'UTC') - moment))::integer);
end
$$;
comment on function ledger.lease_terms is 'A lease as an edge installs it; amounts as text.';

-- Why a wallet gets no lease, whatever it holds. The caller holds the wallet's lock.
create function ledger.judge_borrower(w ledger.wallets, p ledger.policies) returns text
language sql stable set search_path = ''
as $$
  select case
    when w.id is null then 'not_found'
    when w.status <> 'active' then 'wallet_frozen'
    when (select a.status from ledger.agents as a where a.id = w.agent_id) <> 'active'
      then 'agent_suspended'
    when p.wallet_id is null then 'no_policy'
    when p.settlement = 'sync' then 'no_right'
    when exists (
      select from ledger.lease_stops as s
      where s.wallet_id in (w.id, '00000000-0000-0000-0000-000000000000')) then 'stopped'
  end
$$;
comment on function ledger.judge_borrower is 'Judges the right to a lease; null when there is one.';

-- How much a wallet may put in escrow now: what caps, balance and earlier escrow leave.
create function ledger.lease_room(w ledger.wallets, p ledger.policies, today date) returns bigint
language plpgsql stable set search_path = ''
as $$
declare
  held bigint := coalesce((
    select sum(l.escrow - l.settled) from ledger.leases as l
    where l.wallet_id = w.id and l.state <> 'reclaimed'), 0);
  day_spent bigint := case when w.day = today then w.day_spent else 0 end;
  month_spent bigint := case
    when w.month = date_trunc('month', today::timestamp)::date then w.month_spent else 0 end;
begin
  return least((w.balance + held) / 5 - held, p.day_max / 10 - held, w.balance,
    p.day_max - day_spent, p.month_max - month_spent);
end
$$;
comment on function ledger.lease_room is 'Unreclaimed escrow stays within a fifth of the funds and a tenth of the day.';

-- Takes an amount from a wallet, into a counted day and its month.
create function ledger.count_spending(wallet_id uuid, day date, amount bigint) returns void
language plpgsql set search_path = ''
as $$
#variable_conflict use_column
declare
  this_month date := date_trunc('month', count_spending.day::timestamp)::date;
  today date := count_spending.day;
  spent bigint := count_spending.amount;
begin
  update ledger.wallets as w set
    balance = w.balance - spent,
    day = today,
    day_spent = case when w.day = today then w.day_spent else 0 end + spent,
    month = this_month,
    month_spent = case when w.month = this_month then w.month_spent else 0 end + spent
  where w.id = count_spending.wallet_id;
end
$$;
comment on function ledger.count_spending is 'Out of the balance, into the counters of a day and its month.';

-- Grants a lease: escrow of twice its limit leaves the wallet and counts against its day and month.
--
-- `wanted` and `needed` bound the limit; both are amounts. A known nonce answers its lease again, as
-- long as it is open. The previous open lease of the wallet in this region is revoked.
-- The id is a hash of wallet, region and nonce: a grant that is lost with its ledger comes back under it.
-- Answers {outcome: 'granted', lease: <terms>} or {outcome: 'refused', reason}. Locks the wallet, then
-- its leases.
create function api.grant_x402_lease(
  wallet_id uuid, region text, nonce text, wanted text, needed text)
returns jsonb
language plpgsql security definer
set search_path = '' set enable_seqscan = off set jit = off
set statement_timeout = '3s' set lock_timeout = '1s'
as $$
#variable_conflict use_variable
declare
  w ledger.wallets;
  p ledger.policies;
  l ledger.leases;
  refusal text;
  moment timestamptz;
  ceiling bigint;
begin
  select * into w from ledger.wallets as it where it.id = wallet_id for no key update;
  select * into l from ledger.leases as it
  where it.wallet_id = wallet_id and it.region = region and it.nonce = nonce;
  if l.state = 'open' then
    return jsonb_build_object('outcome', 'granted', 'lease', ledger.lease_terms(l.id));
  elsif l.id is not null then
    return jsonb_build_object('outcome', 'refused', 'reason', 'lease_ended');
  end if;
  select * into p from ledger.policies as it where it.wallet_id = wallet_id;
  refusal := ledger.judge_borrower(w, p);
  if refusal is not null then
    return jsonb_build_object('outcome', 'refused', 'reason', refusal);
  end if;

  moment := ledger.clock();
  l.policy_day := greatest((moment at time zone 'UTC')::date, w.day);
  ceiling := least(wanted::bigint, ledger.lease_room(w, p, l.policy_day) / 2);
  if ceiling < greatest(needed::bigint, 1) then
    return jsonb_build_object('outcome', 'refused', 'reason', 'no_room');
  end if;

  update ledger.leases as it set state = 'revoked'
  where it.wallet_id = wallet_id and it.region = region and it.state = 'open';
  insert into ledger.leases (id, wallet_id, region, epoch, nonce, currency, shard, spend_limit,
    escrow, policy_version, policy_day, granted_at, reclaim_after)
  select ledger.payment_id_of(array['lease', wallet_id::text, region, nonce]), wallet_id, region,
    coalesce(max(it.epoch), 0) + 1, nonce, w.currency,
    ledger.shard_of(wallet_id), ceiling, 2 * ceiling, p.version, l.policy_day, moment,
    moment + interval '210 seconds'
  from ledger.leases as it where it.wallet_id = wallet_id and it.region = region
  returning * into l;
  perform ledger.count_spending(w.id, l.policy_day, l.escrow);
  return jsonb_build_object('outcome', 'granted', 'lease', ledger.lease_terms(l.id));
end
$$;
revoke execute on function api.grant_x402_lease from public;
grant execute on function api.grant_x402_lease to x402_drain;
comment on function api.grant_x402_lease is 'Puts money of a wallet in escrow, for an edge to promise.';

-- In how many seconds so much escrow will have been reclaimed that an amount passes balance and caps;
-- null when escrow is not what keeps it from passing. The payment path asks before it declines.
create function ledger.seconds_to_relief(
  w ledger.wallets, amount bigint, today date, day_room bigint, month_room bigint)
returns integer
language plpgsql stable set search_path = ''
as $$
begin
  return (
    select greatest(1, ceil(extract(epoch from r.reclaim_after - ledger.clock())))
    from (
      select l.reclaim_after,
        sum(l.escrow - l.settled) over by_time as funds,
        sum(l.escrow - l.settled) filter (where l.policy_day = today) over by_time as day,
        sum(l.escrow - l.settled) filter (
          where date_trunc('month', l.policy_day::timestamp) = date_trunc('month', today::timestamp)
        ) over by_time as month
      from ledger.leases as l where l.wallet_id = w.id and l.state <> 'reclaimed'
      window by_time as (order by l.reclaim_after, l.id)
    ) as r
    where w.balance + r.funds >= amount and day_room + coalesce(r.day, 0) >= amount
      and month_room + coalesce(r.month, 0) >= amount
    order by r.reclaim_after limit 1);
end
$$;
comment on function ledger.seconds_to_relief is 'When money that only leases hold will be free again.';

-- A decline, with `leased` when the wallet has a lease that may have been promised from: what is
-- declined now may have been promised before, under the same payment id.
create function ledger.tell_leased(decline jsonb, wallet_id uuid) returns jsonb
language plpgsql stable set search_path = ''
as $$
begin
  if exists (
    select from ledger.leases as l where l.wallet_id = tell_leased.wallet_id and l.state <> 'reclaimed')
  then
    return decline || '{"leased": true}';
  end if;
  return decline;
end
$$;
comment on function ledger.tell_leased is 'Says whether an edge has to look for a promise before it declines.';
