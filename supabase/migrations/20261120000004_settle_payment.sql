-- The synchronous payment: one call judges everything and moves the money.
--
-- Locks: none that matter; creates functions.
-- Undo: drop the ledger functions in reverse order.

-- The id of a payment: UUIDv8 from the first 16 bytes of SHA-256 over what the agent asked for.
create function ledger.payment_id_of(content text[]) returns uuid
language plpgsql immutable parallel safe set search_path = ''
as $$
declare
  hash bytea := substring(sha256(convert_to(array_to_string(content, E'\n'), 'UTF8')) from 1 for 16);
begin
  return encode(set_byte(set_byte(hash, 6, (get_byte(hash, 6) & 15) | 128),
    8, (get_byte(hash, 8) & 63) | 128), 'hex')::uuid;
end
$$;
comment on function ledger.payment_id_of is 'The payment id: the same content arrives at the same id on every path.';

create function ledger.base64url(bytes bytea) returns text
language sql immutable parallel safe
as $$ select rtrim(translate(encode(bytes, 'base64'), E'+/\n', '-_'), '=') $$;
comment on function ledger.base64url is 'RFC 4648 section 5, without padding.';

-- Why this caller may not pay from this wallet: a problem code, or null when it may ask.
-- In PL/pgSQL, like all that a payment runs: it keeps its plans, where SQL would plan every call.
create function ledger.judge_agent(key_id text, key_hash text, thumbprint text, wallet_id uuid)
returns text
language plpgsql stable set search_path = ''
as $$
#variable_conflict use_variable
declare
  k record;
begin
  -- `signed` is null without any registered signer, never otherwise. A revoked one still requires
  -- a signature: else revoking the only one would open the wallet.
  select it.key_hash, it.revoked_at, it.expires_at, theirs.id as wallet_id, (
      select bool_or(s.thumbprint is not distinct from thumbprint and s.revoked_at is null)
      from ledger.agent_signers as s where s.agent_id = it.agent_id
    ) as signed
  into k
  from ledger.agent_keys as it
  left join ledger.wallets as theirs on theirs.id = wallet_id and theirs.agent_id = it.agent_id
  where it.id = key_id;
  return case
    when (k.key_hash = decode(key_hash, 'hex')) is not true then 'key_invalid'
    when k.revoked_at is not null or k.expires_at <= ledger.clock() then 'key_revoked'
    when k.signed is not null and thumbprint is null then 'signature_required'
    -- A key nobody registered vouches for nothing, also where no signature is needed.
    when thumbprint is not null and k.signed is not true then 'signature_invalid'
    when k.wallet_id is null then 'not_found'
  end;
end
$$;
comment on function ledger.judge_agent is 'Judges an agent''s key, signer and wallet. See docs/problems.md.';

-- What an endpoint costs now, what it cost a moment ago, and what was announced.
create function ledger.quote(endpoint_id uuid) returns jsonb
language sql stable set search_path = ''
as $$
  select jsonb_build_object(
    'endpoint_id', e.id, 'provider_id', e.provider_id, 'method', e.method, 'url', e.url,
    'currency', e.currency, 'active', e.status = 'active' and p.status = 'active',
    'amount', now_valid.amount::text, 'price_version', now_valid.version,
    'next', (
      select jsonb_build_object(
        'amount', n.amount::text, 'price_version', n.version, 'valid_from', ledger.unix(n.valid_from))
      from ledger.endpoint_prices as n
      where n.endpoint_id = e.id and n.version = now_valid.version + 1))
  from ledger.endpoints as e
  join ledger.providers as p on p.id = e.provider_id
  join lateral (
    select v.version, v.amount from ledger.endpoint_prices as v
    where v.endpoint_id = e.id and v.valid_from <= ledger.clock()
    order by v.version desc limit 1
  ) as now_valid on true
  where e.id = quote.endpoint_id
$$;
comment on function ledger.quote is 'The current price of an endpoint with what a provider quotes in a 402; null when unknown.';

-- The version of a price that was valid at some moment of the last `within`, newest first.
create function ledger.price_version(endpoint_id uuid, amount bigint, within interval)
returns integer
language sql stable set search_path = ''
as $$
  select v.version
  from ledger.endpoint_prices as v
  left join ledger.endpoint_prices as n
    on n.endpoint_id = v.endpoint_id and n.version = v.version + 1
  where v.endpoint_id = price_version.endpoint_id
    and v.amount = price_version.amount and v.amount > 0
    and v.valid_from <= ledger.clock()
    and (n.valid_from is null or n.valid_from > ledger.clock() - price_version.within)
  order by v.version desc limit 1
$$;
comment on function ledger.price_version is 'Which recent price an amount is, so that a price change refuses nobody in mid-flight.';

-- Why the endpoint does not take this payment (problem), or who is paid, under which price version.
create function ledger.judge_endpoint(
  endpoint_id uuid, wallet_id uuid, amount bigint, currency text, method text, href text,
  out problem text, out provider_id uuid, out price_version integer, out url text,
  out notified boolean)
language plpgsql stable set search_path = ''
as $$
declare
  e record;
begin
  select ep.*, p.status as provider_status, p.notified, v.version, v.amount as price,
    w.currency as wallet_currency, ep.url || case when ep.url like '%/' then '' else '/' end as below
  into e
  from ledger.endpoints as ep
  join ledger.providers as p on p.id = ep.provider_id
  join lateral (
    select pr.version, pr.amount from ledger.endpoint_prices as pr
    where pr.endpoint_id = ep.id and pr.valid_from <= ledger.clock()
    order by pr.version desc limit 1
  ) as v on true
  join ledger.wallets as w on w.id = judge_endpoint.wallet_id
  where ep.id = judge_endpoint.endpoint_id;

  provider_id := e.provider_id;
  notified := e.notified;
  url := coalesce(judge_endpoint.href, e.url);
  price_version := e.version;
  if e.price is distinct from judge_endpoint.amount then
    price_version := ledger.price_version(e.id, judge_endpoint.amount, interval '60 seconds');
  end if;
  problem := case
    when e.id is null then 'not_found'
    when e.price = 0 then 'nothing_to_pay'
    when e.status <> 'active' or e.provider_status <> 'active' then 'endpoint_inactive'
    when price_version is null then 'price_changed'
    when judge_endpoint.currency <> e.currency or judge_endpoint.currency <> e.wallet_currency
      then 'currency_mismatch'
    when e.method <> judge_endpoint.method then 'resource_mismatch'
    when not (url = e.url or starts_with(url, e.below) or starts_with(url, e.url || '?'))
      then 'resource_mismatch'
  end;
end
$$;
comment on function ledger.judge_endpoint is 'Judges endpoint, price, currency and resource, in the order of docs/problems.md.';
