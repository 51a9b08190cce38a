-- What the synchronous payment is put together from: its id, its price, its answers.
--
-- What has no setting of its own and is one expression in SQL is inlined into who calls it, for
-- nothing; what has one costs its caller a few microseconds each time.
--
-- Locks: none that matter; creates functions.
-- Undo: drop the ledger functions in reverse order.

-- The id of a payment: UUIDv8 from the first 16 bytes of SHA-256 over what the agent asked for. Six
-- bits of them say so: version 8 (bits 55 to 52), variant 10 (bits 71 and 70).
create function ledger.payment_id_of(content text[]) returns uuid
language sql stable parallel safe
as $$
  select encode(
    set_bit(set_bit(set_bit(set_bit(set_bit(set_bit(
      substring(sha256(convert_to(array_to_string(content, E'\n'), 'UTF8')) from 1 for 16),
      55, 1), 54, 0), 53, 0), 52, 0), 71, 1), 70, 0), 'hex')::uuid
$$;
comment on function ledger.payment_id_of is 'The payment id: the same content arrives at the same id on every path.';

create function ledger.base64url(bytes bytea) returns text
language sql immutable parallel safe
as $$ select rtrim(translate(encode(bytes, 'base64'), E'+/\n', '-_'), '=') $$;
comment on function ledger.base64url is 'RFC 4648 section 5, without padding.';

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

-- A payment as it crosses the border, as the text of its JSON. Filled in rather than built, which
-- takes half the time: no value needs quoting, since none of these columns can hold one that does.
create function ledger.payment_text(
  payment_id uuid, wallet_id uuid, request_id text, endpoint_id uuid, provider_id uuid,
  agent_id uuid, amount text, currency text, price_version integer, resource_hash bytea,
  state text, conflict boolean, created_at timestamptz, hold_expires_at timestamptz,
  redeemable boolean)
returns text
language sql stable
as $$
  select format('{"payment_id": "%s", "wallet_id": "%s", "request_id": "%s", "endpoint_id": "%s", '
    '"provider_id": "%s", "agent_id": "%s", "amount": "%s", "currency": "%s", "price_version": %s, '
    '"resource_hash": "%s", "state": "%s", "conflict": %s, "created_at": %s, '
    '"hold_expires_at": %s, "redeemable": %s}',
    payment_id, wallet_id, request_id, endpoint_id,
    provider_id, agent_id, amount, currency, price_version,
    ledger.base64url(resource_hash), state, conflict::text, ledger.unix(created_at),
    coalesce(ledger.unix(hold_expires_at)::text, 'null'), redeemable::text)
$$;
comment on function ledger.payment_text is 'A payment as the text of its JSON, amounts as text.';

-- `redeemable`: a proof of it may be signed (again).
create function ledger.describe(p ledger.payments, agent_id uuid, claimed boolean) returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  hold_expires_at timestamptz;
begin
  if p.state = 'held' then
    select h.expires_at into hold_expires_at from ledger.holds as h where h.payment_id = p.id;
    if hold_expires_at <= ledger.clock() then p.state := 'expired'; end if;
  end if;
  return ledger.payment_text(p.id, p.wallet_id, p.request_id, p.endpoint_id, p.provider_id, agent_id,
    p.amount::text, p.currency, p.price_version, p.resource_hash, p.state, p.conflict, p.created_at,
    hold_expires_at, p.state in ('held', 'settled') and not claimed
      and ledger.clock() < p.created_at + interval '15 minutes')::jsonb;
end
$$;
comment on function ledger.describe is 'A payment as JSON; a hold whose time is over is expired.';

create function ledger.answer(payment_id uuid) returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  p ledger.payments;
begin
  select * into p from ledger.payments as it where it.id = answer.payment_id;
  if p.id is null then return null; end if;
  return ledger.describe(p, (select w.agent_id from ledger.wallets as w where w.id = p.wallet_id),
    exists (select from ledger.redemptions as r where r.payment_id = p.id));
end
$$;
comment on function ledger.answer is 'The payment of an id as JSON; null when there is none.';

-- What this request id already came to: its payment again, a conflict, or null when it is new.
-- One probe tells that it is new: a payment that is flagged as a conflict never stands alone.
create function ledger.known(payment_id uuid, wallet_id uuid, request_id text) returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  payment jsonb;
begin
  if not exists (
    select from ledger.payments as p
    where p.wallet_id = known.wallet_id and p.request_id = known.request_id and not p.conflict
  ) then
    return null;
  end if;
  payment := ledger.answer(payment_id);
  if payment is null then return jsonb_build_object('outcome', 'payment_conflict'); end if;
  return jsonb_build_object('outcome', 'payment', 'replayed', true, 'payment', payment);
end
$$;
comment on function ledger.known is 'What a request id is bound to. Declines bind nothing.';
