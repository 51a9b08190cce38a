-- What operators do: bring parties in, set policies and prices.
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
  insert into ledger.agent_signers as s (agent_id, thumbprint, revoked_at)
  values (put_x402_signer.agent_id, put_x402_signer.thumbprint,
    case when put_x402_signer.revoked then ledger.clock() end)
  on conflict (agent_id, thumbprint) do update set revoked_at =
    case when put_x402_signer.revoked then coalesce(s.revoked_at, excluded.revoked_at) end
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
