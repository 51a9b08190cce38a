-- What operators do: bring parties in, set policies and prices, take money in and pay it out.
--
-- Every function is safe to repeat with the same arguments: the caller names the ids.
-- Locks: none that matter; creates functions.
-- Undo: drop the functions.

-- Refuses a repeat that says something else under a known id.
create function ledger.refuse_change(what text) returns void
language plpgsql set search_path = ''
as $$
begin
  raise exception '% exists with other content', what using errcode = '23505';
end
$$;
comment on function ledger.refuse_change is 'Raises: what is known under an id is not what the caller says.';

create function api.put_x402_owner(owner_id uuid, name text) returns void
language sql security definer set search_path = ''
as $$
  insert into ledger.owners (id, name) values (put_x402_owner.owner_id, put_x402_owner.name)
  on conflict (id) do update set name = excluded.name
$$;

create function api.put_x402_agent(agent_id uuid, owner_id uuid, name text, status text default 'active')
returns void
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_variable
begin
  insert into ledger.agents (id, owner_id, name, status)
  values (agent_id, owner_id, name, status)
  on conflict (id) do update set name = excluded.name, status = excluded.status
  where ledger.agents.owner_id = excluded.owner_id;
  if not found then perform ledger.refuse_change('the agent'); end if;
end
$$;

create function api.put_x402_wallet(wallet_id uuid, agent_id uuid, currency text, status text default 'active')
returns void
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_variable
begin
  insert into ledger.wallets (id, agent_id, currency, status)
  values (wallet_id, agent_id, currency, status)
  on conflict (id) do update set status = excluded.status
  where ledger.wallets.agent_id = excluded.agent_id and ledger.wallets.currency = excluded.currency;
  if not found then perform ledger.refuse_change('the wallet'); end if;
end
$$;

-- Replaces the policy of a wallet; a payment that waits for the wallet is judged by the new one.
create function api.put_x402_policy(
  wallet_id uuid, payment_max text, day_max text, month_max text, providers uuid[] default null)
returns void
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_variable
begin
  perform from ledger.wallets as w where w.id = wallet_id for no key update;
  insert into ledger.policies as p (wallet_id, payment_max, day_max, month_max, providers)
  values (wallet_id, payment_max::bigint, day_max::bigint, month_max::bigint, providers)
  on conflict on constraint policies_pkey do update set
    payment_max = excluded.payment_max, day_max = excluded.day_max,
    month_max = excluded.month_max, providers = excluded.providers,
    version = p.version + 1, changed_at = ledger.clock()
  where (p.payment_max, p.day_max, p.month_max, p.providers)
    is distinct from (excluded.payment_max, excluded.day_max, excluded.month_max, excluded.providers);
end
$$;

create function api.put_x402_provider(provider_id uuid, name text, status text default 'active')
returns void
language sql security definer set search_path = ''
as $$
  insert into ledger.providers (id, name, status)
  values (put_x402_provider.provider_id, put_x402_provider.name, put_x402_provider.status)
  on conflict (id) do update set name = excluded.name, status = excluded.status
$$;

-- Registers the hash of an API key: of an agent (kind 'agent') or of a provider ('provider').
create function api.put_x402_key(
  kind text, key_id text, holder_id uuid, key_hash text, expires_at timestamptz default null)
returns void
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_variable
begin
  if kind = 'agent' then
    insert into ledger.agent_keys (id, agent_id, key_hash, expires_at)
    values (key_id, holder_id, decode(key_hash, 'hex'), expires_at)
    on conflict (id) do update set expires_at = excluded.expires_at
    where ledger.agent_keys.agent_id = excluded.agent_id
      and ledger.agent_keys.key_hash = excluded.key_hash;
  elsif kind = 'provider' then
    insert into ledger.provider_keys (id, provider_id, key_hash, expires_at)
    values (key_id, holder_id, decode(key_hash, 'hex'), expires_at)
    on conflict (id) do update set expires_at = excluded.expires_at
    where ledger.provider_keys.provider_id = excluded.provider_id
      and ledger.provider_keys.key_hash = excluded.key_hash;
  else
    raise exception 'a key is of an agent or of a provider' using errcode = '22023';
  end if;
  if not found then perform ledger.refuse_change('the key'); end if;
end
$$;

create function api.revoke_x402_key(kind text, key_id text) returns boolean
language plpgsql security definer set search_path = ''
as $$
begin
  if kind = 'agent' then
    update ledger.agent_keys as k set revoked_at = coalesce(k.revoked_at, ledger.clock())
    where k.id = revoke_x402_key.key_id;
  elsif kind = 'provider' then
    update ledger.provider_keys as k set revoked_at = coalesce(k.revoked_at, ledger.clock())
    where k.id = revoke_x402_key.key_id;
  else
    raise exception 'a key is of an agent or of a provider' using errcode = '22023';
  end if;
  return found;
end
$$;

-- Registers or revokes the thumbprint of a key the agent signs with. From the first one on, every
-- payment of the agent must be signed, also once all of them are revoked.
create function api.put_x402_signer(agent_id uuid, thumbprint text, revoked boolean default false)
returns void
language sql security definer set search_path = ''
as $$
  insert into ledger.agent_signers (agent_id, thumbprint, revoked_at)
  values (put_x402_signer.agent_id, put_x402_signer.thumbprint,
    case when put_x402_signer.revoked then ledger.clock() end)
  on conflict (agent_id, thumbprint) do update set revoked_at = excluded.revoked_at
$$;

-- Creates an endpoint with its first price, valid at once; a repeat may change its status alone.
create function api.put_x402_endpoint(
  endpoint_id uuid, provider_id uuid, method text, url text, currency text, price text,
  status text default 'active')
returns void
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_variable
begin
  insert into ledger.endpoints (id, provider_id, method, url, currency, status)
  values (endpoint_id, provider_id, method, url, currency, status)
  on conflict (id) do update set status = excluded.status
  where (ledger.endpoints.provider_id, ledger.endpoints.method, ledger.endpoints.url,
      ledger.endpoints.currency::text)
    = (excluded.provider_id, excluded.method, excluded.url, excluded.currency::text);
  if not found then perform ledger.refuse_change('the endpoint'); end if;
  insert into ledger.endpoint_prices (endpoint_id, version, amount, valid_from)
  values (endpoint_id, 1, price::bigint, ledger.clock())
  on conflict do nothing;
  if not exists (
    select from ledger.endpoint_prices as p
    where p.endpoint_id = endpoint_id and p.version = 1 and p.amount = price::bigint
  ) then
    perform ledger.refuse_change('the first price');
  end if;
end
$$;

-- Announces the next price. It begins at least 180 seconds from now, so that no proof under way is
-- refused for a price its payer could not know. Answers the new version.
create function api.announce_x402_price(endpoint_id uuid, price text, valid_from timestamptz)
returns integer
language plpgsql security definer set search_path = ''
as $$
#variable_conflict use_variable
declare
  known integer;
  last_price ledger.endpoint_prices;
begin
  perform from ledger.endpoints as e where e.id = endpoint_id for no key update;
  select p.version into known from ledger.endpoint_prices as p
  where p.endpoint_id = endpoint_id and p.amount = price::bigint and p.valid_from = valid_from;
  if found then return known; end if;
  select * into last_price from ledger.endpoint_prices as p
  where p.endpoint_id = endpoint_id order by p.version desc limit 1;
  if valid_from < ledger.clock() + interval '180 seconds' or valid_from <= last_price.valid_from then
    raise exception 'a price begins at least 180 seconds from now and after the one before it'
      using errcode = '22023';
  end if;
  insert into ledger.endpoint_prices (endpoint_id, version, amount, valid_from)
  values (endpoint_id, last_price.version + 1, price::bigint, valid_from);
  return last_price.version + 1;
end
$$;

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
