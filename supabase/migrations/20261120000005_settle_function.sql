-- The function an edge calls, once, for a synchronous payment.
--
-- Locks: none that matter; creates functions.
-- Undo: drop function api.settle_x402_payment, then ledger.decline.

-- Why a wallet does not pay: the rule of its policy, else its funds, and when it may again. The
-- caller holds the wallet's lock and has found that it does not.
create function ledger.decline(wallet_id uuid, provider_id uuid, amount bigint, today date)
returns jsonb
language plpgsql stable set search_path = ''
as $$
#variable_conflict use_variable
declare
  w ledger.wallets;
  p ledger.policies;
  agent_status text;
  day_room bigint;
  month_room bigint;
  rule text;
  retry_after integer;
begin
  select * into w from ledger.wallets as it where it.id = wallet_id;
  select * into p from ledger.policies as it where it.wallet_id = wallet_id;
  select a.status into agent_status from ledger.agents as a where a.id = w.agent_id;
  day_room := p.day_max - case when w.day = today then w.day_spent else 0 end;
  month_room := p.month_max - case
    when w.month = date_trunc('month', today::timestamp)::date then w.month_spent else 0 end;
  rule := case
    when w.status <> 'active' then 'wallet_frozen'
    when agent_status <> 'active' then 'agent_suspended'
    when p.wallet_id is null then 'no_policy'
    when amount > p.payment_max then 'payment_max'
    when provider_id <> all (p.providers) then 'provider'
    when amount > day_room then 'day_max'
    when amount > month_room then 'month_max'
  end;
  if rule is null or rule in ('day_max', 'month_max') then
    retry_after := ledger.seconds_to_relief(w, amount, today, day_room, month_room);
  end if;
  if retry_after is not null then
    return jsonb_build_object('outcome', 'funds_in_lease', 'retry_after', retry_after);
  elsif rule is null then
    return jsonb_build_object('outcome', 'funds_insufficient');
  end if;
  return jsonb_strip_nulls(jsonb_build_object('outcome', 'policy_refused', 'rule', rule,
    'policy', case when p.wallet_id is not null then jsonb_build_object(
      'version', p.version, 'payment_max', p.payment_max::text, 'providers', to_jsonb(p.providers),
      'changed_at', ledger.unix(p.changed_at)) end));
end
$$;
comment on function ledger.decline is 'A refusal by policy or funds, with what to do about it.';

-- Settles one payment in one transaction: judges key, price, policy and funds, moves the money.
--
-- Answers {outcome: 'payment', replayed, payment, balance?, notified?}, or {outcome: <problem code>, …}. A
-- decline writes nothing and binds nothing: the same request may succeed later, and may have been
-- promised before where it says `leased`.
-- Safe to repeat: the payment id is derived from the content, and what settled is answered again.
-- Locks the payer's wallet, nothing else; a replay locks nothing.
--
-- It looks at everything with one statement and no lock, judges who asks and what for, and takes the
-- amount from the wallet by one update that states every rule of policy and funds. The update waits
-- for whoever holds the wallet and then sees it as it became, but the policy as it was: so it also
-- wants the terms to be those it saw, which ledger.revoke_outdated counts up. When it finds no such
-- wallet, the wallet is locked and looked at again, to pay after all or to say why not.
create function api.settle_x402_payment(
  key_id text, key_hash text, thumbprint text, payment_id uuid, wallet_id uuid, request_id text,
  endpoint_id uuid, amount text, currency text, method text, resource text, href text, capture text)
returns jsonb
language plpgsql security definer set search_path = ''
set enable_seqscan = off set jit = off set statement_timeout = '3s' set lock_timeout = '1s'
as $$
#variable_conflict use_variable
declare
  units bigint := amount::bigint;
  is_locked boolean := false;
  is_vouched_for boolean;
  moment timestamptz;
  today date;
  this_month date;
  seen record;
  problem text;
  price_version integer;
  resource_hash bytea;
  balance bigint;
begin
  if (capture in ('automatic', 'manual')) is not true then
    raise exception 'a capture is automatic or manual' using errcode = '22023';
  end if;
  if payment_id is distinct from ledger.payment_id_of(array[wallet_id::text, request_id,
    endpoint_id::text, amount, currency, method, coalesce(resource, ''), capture]) then
    raise exception 'the payment id is not that of the content' using errcode = '22023';
  end if;

  loop
    moment := ledger.clock();
    select
      k.key_hash, k.revoked_at, k.expires_at, a.status as agent_status,
      exists (select from ledger.agent_signers as s where s.agent_id = k.agent_id) as signs,
      w.agent_id, w.currency as wallet_currency, w.day, w.terms,
      p.payment_max, p.day_max, p.month_max, p.providers,
      e.provider_id, e.method, e.url, e.currency, e.status,
      r.status as provider_status, r.notified, v.version as price_version, v.amount as price,
      exists (
        select from ledger.payments as it
        where it.wallet_id = wallet_id and it.request_id = request_id and not it.conflict) as is_known
    into seen
    from (values (true)) as asked
    left join ledger.agent_keys as k on k.id = key_id
    left join ledger.agents as a on a.id = k.agent_id
    left join ledger.wallets as w on w.id = wallet_id and w.agent_id = k.agent_id
    left join ledger.policies as p on p.wallet_id = wallet_id
    left join ledger.endpoints as e on e.id = endpoint_id
    left join ledger.providers as r on r.id = e.provider_id
    left join lateral (
      select it.version, it.amount from ledger.endpoint_prices as it
      where it.endpoint_id = endpoint_id and it.valid_from <= moment
      order by it.version desc limit 1
    ) as v on true;

    -- Who asks. From an agent's first signer on, revoked or not, its payments must be signed: else
    -- revoking the only one would open the wallet. A key nobody registered vouches for nothing.
    if seen.signs or thumbprint is not null then
      is_vouched_for := exists (
        select from ledger.agent_keys as k
        join ledger.agent_signers as s on s.agent_id = k.agent_id
        where k.id = key_id and s.thumbprint = thumbprint and s.revoked_at is null);
    end if;
    problem := case
      when (seen.key_hash = decode(key_hash, 'hex')) is not true then 'key_invalid'
      when seen.revoked_at is not null or seen.expires_at <= moment then 'key_revoked'
      when seen.signs and thumbprint is null then 'signature_required'
      when not is_vouched_for then 'signature_invalid'
      when seen.agent_id is null then 'not_found'
    end;
    if problem is not null then return jsonb_build_object('outcome', problem); end if;
    if seen.is_known then return ledger.known(payment_id, wallet_id, request_id); end if;

    -- What for.
    price_version := seen.price_version;
    if seen.price is distinct from units then
      price_version := ledger.price_version(endpoint_id, units, interval '60 seconds');
    end if;
    problem := case
      when seen.price is null then 'not_found'
      when seen.price = 0 then 'nothing_to_pay'
      when seen.status <> 'active' or seen.provider_status <> 'active' then 'endpoint_inactive'
      when price_version is null then 'price_changed'
      when currency <> seen.currency or currency <> seen.wallet_currency then 'currency_mismatch'
      when method <> seen.method then 'resource_mismatch'
      when href <> seen.url and not (starts_with(href, seen.url)
        and (right(seen.url, 1) = '/' or substr(href, length(seen.url) + 1, 1) in ('/', '?')))
        then 'resource_mismatch'
    end;
    if problem is not null then
      return ledger.tell_leased(
        jsonb_build_object('outcome', problem, 'quote', ledger.quote(endpoint_id)), wallet_id);
    end if;

    -- Whether it may. The day never goes back, even for a payment that waited across midnight.
    today := greatest((moment at time zone 'UTC')::date, seen.day);
    this_month := date_trunc('month', today::timestamp)::date;
    update ledger.wallets as w set
      balance = w.balance - units,
      day = today,
      day_spent = case when w.day = today then w.day_spent else 0 end + units,
      month = this_month,
      month_spent = case when w.month = this_month then w.month_spent else 0 end + units
    where w.id = wallet_id and w.terms = seen.terms and w.status = 'active'
      and w.balance >= units and w.day <= today
      and units <= seen.day_max - case when w.day = today then w.day_spent else 0 end
      and units <= seen.month_max - case when w.month = this_month then w.month_spent else 0 end
      and seen.agent_status = 'active' and units <= seen.payment_max
      and (seen.provider_id = any (seen.providers)) is not false
    returning w.balance into balance;
    exit when found;
    if is_locked then
      return ledger.tell_leased(ledger.decline(wallet_id, seen.provider_id, units, today), wallet_id);
    end if;
    perform from ledger.wallets as w where w.id = wallet_id for no key update;
    is_locked := true;
  end loop;

  resource_hash := substring(
    sha256(convert_to(method || ' ' || coalesce(href, seen.url), 'UTF8')) from 1 for 16);
  insert into ledger.payments (id, wallet_id, request_id, endpoint_id, provider_id, amount, currency,
    price_version, resource_hash, state, created_at)
  values (payment_id, wallet_id, request_id, endpoint_id, seen.provider_id, units, currency,
    price_version, resource_hash, case capture when 'manual' then 'held' else 'settled' end, moment)
  on conflict do nothing;
  if not found then -- a lease settled the same request since: the wallet's lock is no hindrance to it
    update ledger.wallets as w set balance = w.balance + units,
      day_spent = w.day_spent - units, month_spent = w.month_spent - units
    where w.id = wallet_id;
    return ledger.known(payment_id, wallet_id, request_id);
  end if;

  if capture = 'manual' then
    perform ledger.take_hold(payment_id, today);
    return jsonb_build_object('outcome', 'payment', 'replayed', false,
      'payment', ledger.answer(payment_id), 'balance', balance::text);
  end if;
  insert into ledger.credit_inbox (provider_id, endpoint_id, currency, amount, paid_on)
  values (seen.provider_id, endpoint_id, currency, units, today);
  if seen.notified then
    perform ledger.emit('payment.settled', payment_id, seen.provider_id);
  end if;
  return format(
    '{"outcome": "payment", "replayed": false, "balance": "%s", "payment": %s%s}', balance,
    ledger.payment_text(payment_id, wallet_id, request_id, endpoint_id, seen.provider_id,
      seen.agent_id, units::text, currency, price_version, resource_hash, 'settled', false, moment,
      null, true),
    case when seen.notified then ', "notified": true' end)::jsonb;
end
$$;
revoke execute on function api.settle_x402_payment from public;
grant execute on function api.settle_x402_payment to x402_edge;
comment on function api.settle_x402_payment is 'Settles one payment; the whole synchronous journey in one call.';
