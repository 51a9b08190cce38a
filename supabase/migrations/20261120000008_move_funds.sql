-- What operators do with money: take it in, fold credits into earnings, pay them out, count.
--
-- Safe to repeat with the same arguments: the caller names the ids.
-- Locks: none that matter; creates functions.
-- Undo: drop the functions.

-- Posting template deposit: external to wallet. Answers the balance after it.
create function api.deposit_x402_funds(transfer_id uuid, wallet_id uuid, amount text) returns text
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_variable
declare
  w ledger.wallets;
begin
  select * into w from ledger.wallets as it where it.id = wallet_id for no key update;
  insert into ledger.transfers (id, template, wallet_id, amount, currency)
  values (transfer_id, 'deposit', wallet_id, amount::bigint, w.currency)
  on conflict (id) do nothing;
  if found then
    update ledger.wallets as it set balance = it.balance + amount::bigint
    where it.id = wallet_id returning it.* into w;
  elsif not exists (
    select from ledger.transfers as t
    where t.id = transfer_id and t.wallet_id = wallet_id and t.amount = amount::bigint
  ) then
    perform ledger.refuse_change('the transfer');
  end if;
  return w.balance::text;
end
$$;

-- Folds credits into earnings and statistics; answers how many.
-- Locks statistics by endpoint and day, then earnings by provider, each in order: no deadlocks, as
-- long as a transaction folds once.
create function ledger.fold_credits(seqs bigint[]) returns integer
language plpgsql set search_path = ''
as $$
declare
  credits ledger.credit_inbox[];
  item record;
begin
  with taken as (
    delete from ledger.credit_inbox as i where i.seq = any (seqs) returning i.*
  )
  select array_agg(taken) into credits from taken;

  for item in
    select c.endpoint_id, c.paid_on, count(*) as payments, sum(c.amount) as volume
    from unnest(credits) as c group by 1, 2 order by 1, 2
  loop
    insert into ledger.endpoint_stats as s (endpoint_id, day, payments, volume)
    values (item.endpoint_id, item.paid_on, item.payments, item.volume)
    on conflict (endpoint_id, day) do update set
      payments = s.payments + excluded.payments, volume = s.volume + excluded.volume;
  end loop;
  for item in
    select c.provider_id, c.currency, sum(c.amount) as amount
    from unnest(credits) as c group by 1, 2 order by 1, 2
  loop
    insert into ledger.earnings as e (provider_id, currency, balance)
    values (item.provider_id, item.currency, item.amount)
    on conflict (provider_id, currency) do update set balance = e.balance + excluded.balance;
  end loop;
  return coalesce(cardinality(credits), 0);
end
$$;
comment on function ledger.fold_credits is 'The roll-up: credits of the inbox become earnings and statistics.';

-- Folds the oldest credits away; answers how many. Two roll-ups share the work.
create function api.roll_up_x402_credits(most integer default 10000) returns integer
language sql security definer set search_path = '' set statement_timeout = '30s'
as $$
  select ledger.fold_credits(array(
    select i.seq from ledger.credit_inbox as i
    order by i.seq limit roll_up_x402_credits.most for update skip locked))
$$;

-- Posting template payout: earnings to external, never below zero. Answers what is left.
create function api.pay_out_x402_earnings(transfer_id uuid, provider_id uuid, currency text, amount text)
returns text
language plpgsql security definer set search_path = '' set statement_timeout = '30s'
as $$
#variable_conflict use_variable
declare
  e ledger.earnings;
begin
  -- What lies in the inbox is the provider's too. Only these credits are folded, and once: whoever
  -- went on to lock another statistic or earning would do so out of order.
  perform ledger.fold_credits(array(
    select i.seq from ledger.credit_inbox as i
    where i.provider_id = provider_id and i.currency = currency order by i.seq for update));
  select * into e from ledger.earnings as it
  where it.provider_id = provider_id and it.currency = currency for no key update;
  insert into ledger.transfers (id, template, provider_id, amount, currency)
  values (transfer_id, 'payout', provider_id, amount::bigint, currency)
  on conflict (id) do nothing;
  if found then
    if e.balance is null or e.balance < amount::bigint then
      raise exception 'the earnings do not cover the payout' using errcode = 'PT402';
    end if;
    update ledger.earnings as it set balance = it.balance - amount::bigint
    where it.provider_id = provider_id and it.currency = currency returning it.* into e;
  elsif not exists (
    select from ledger.transfers as t
    where t.id = transfer_id and t.provider_id = provider_id and t.currency = currency
      and t.amount = amount::bigint
  ) then
    perform ledger.refuse_change('the transfer');
  end if;
  return e.balance::text;
end
$$;

-- Money figures for the metrics page: exact, from the ledger.
create function api.get_x402_totals() returns jsonb
language sql stable security definer set search_path = '' set statement_timeout = '5s'
as $$
  select jsonb_build_object(
    'inbox', (select count(*) from ledger.credit_inbox),
    'payments', (select coalesce(sum(s.payments), 0)::text from ledger.endpoint_stats as s),
    'earnings', (
      select coalesce(jsonb_object_agg(t.currency, t.amount), '{}') from (
        select e.currency, sum(e.balance)::text as amount from ledger.earnings as e group by 1) as t))
$$;

do $$
declare
  f record;
begin
  for f in
    select p.oid::regprocedure as signature, p.proname as name
    from pg_catalog.pg_proc as p
    where p.pronamespace = 'api'::regnamespace
      and p.proname not in ('settle_x402_payment', 'get_x402_endpoint', 'get_x402_payment', 'check_x402_proof')
  loop
    execute format('revoke execute on function %s from public', f.signature);
    execute format('grant execute on function %s to x402_operator', f.signature);
    execute format('comment on function %s is %L', f.signature, 'For operators. See docs/runbook.md.');
  end loop;
end
$$;
grant execute on function api.roll_up_x402_credits to x402_drain;
