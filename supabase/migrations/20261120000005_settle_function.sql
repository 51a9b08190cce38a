-- The function an edge calls, once, for a synchronous payment.
--
-- Locks: none that matter; creates functions.
-- Undo: drop function api.settle_x402_payment, then the ledger functions in reverse order.

-- A payment as it crosses the border. `redeemable`: a proof of it may be signed (again).
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
  return jsonb_build_object(
    'payment_id', p.id, 'wallet_id', p.wallet_id, 'request_id', p.request_id,
    'endpoint_id', p.endpoint_id, 'provider_id', p.provider_id, 'agent_id', agent_id,
    'amount', p.amount::text, 'currency', p.currency, 'price_version', p.price_version,
    'resource_hash', ledger.base64url(p.resource_hash), 'state', p.state,
    'conflict', p.conflict, 'created_at', ledger.unix(p.created_at),
    'hold_expires_at', ledger.unix(hold_expires_at),
    'redeemable', p.state in ('held', 'settled') and not claimed
      and ledger.clock() < p.created_at + interval '15 minutes');
end
$$;
comment on function ledger.describe is 'A payment as JSON, amounts as text; a hold whose time is over is expired.';

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

-- Why the owner's policy or the balance does not cover it. The caller holds the wallet's lock.
create function ledger.judge_wallet(
  w ledger.wallets, amount bigint, provider_id uuid, today date,
  out problem text, out rule text, out policy jsonb, out retry_after integer)
language plpgsql stable set search_path = ''
as $$
declare
  p record;
  day_spent bigint := case when w.day = today then w.day_spent else 0 end;
  month_spent bigint := case
    when w.month = date_trunc('month', today::timestamp)::date then w.month_spent else 0 end;
begin
  select it.*, a.status as agent_status into p
  from ledger.agents as a left join ledger.policies as it on it.wallet_id = w.id
  where a.id = w.agent_id;
  rule := case
    when w.status <> 'active' then 'wallet_frozen'
    when p.agent_status <> 'active' then 'agent_suspended'
    when p.wallet_id is null then 'no_policy'
    when amount > p.payment_max then 'payment_max'
    when p.providers is not null and provider_id <> all (p.providers) then 'provider'
    when day_spent + amount > p.day_max then 'day_max'
    when month_spent + amount > p.month_max then 'month_max'
  end;
  if rule in ('day_max', 'month_max') or rule is null and w.balance < amount then
    retry_after := ledger.seconds_to_relief(w, amount, today,
      p.day_max - day_spent, p.month_max - month_spent);
  end if;
  if retry_after is not null then
    problem := 'funds_in_lease';
    rule := null;
  elsif rule is not null then
    problem := 'policy_refused';
    policy := case when p.wallet_id is not null then jsonb_build_object(
      'version', p.version, 'payment_max', p.payment_max::text, 'providers', to_jsonb(p.providers),
      'changed_at', ledger.unix(p.changed_at)) end;
  elsif w.balance < amount then
    problem := 'funds_insufficient';
  end if;
end
$$;
comment on function ledger.judge_wallet is 'Judges policy, then funds, against a locked wallet row.';

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

-- Writes the payment and moves its amount; the caller has judged it and holds the wallet's lock.
-- Answers the balance left; null when the same request was settled meanwhile, and nothing is written.
create function ledger.post_payment(w ledger.wallets, payment ledger.payments, today date)
returns bigint
language plpgsql set search_path = ''
as $$
declare
  this_month date := date_trunc('month', today::timestamp)::date;
  balance_left bigint;
begin
  with posted as (
    insert into ledger.payments select payment.* on conflict do nothing returning id
  ), credited as (
    insert into ledger.credit_inbox (provider_id, endpoint_id, currency, amount, paid_on)
    select payment.provider_id, payment.endpoint_id, payment.currency, payment.amount, today
    from posted where payment.state = 'settled'
  )
  update ledger.wallets as it set
    balance = it.balance - payment.amount,
    day = today,
    day_spent = case when it.day = today then it.day_spent else 0 end + payment.amount,
    month = this_month,
    month_spent = case when it.month = this_month then it.month_spent else 0 end + payment.amount
  from posted
  where it.id = w.id
  returning it.balance into balance_left;
  if payment.state = 'held' and balance_left is not null then
    perform ledger.take_hold(payment, today);
  end if;
  return balance_left;
end
$$;
comment on function ledger.post_payment is 'Out of the wallet and its counters; to the provider''s inbox, or into a hold.';

-- Settles one payment in one transaction: judges key, price, policy and funds, moves the money.
--
-- Answers {outcome: 'payment', replayed, payment, balance?, notified?}, or {outcome: <problem code>, …}. A
-- decline writes nothing and binds nothing: the same request may succeed later.
-- Safe to repeat: the payment id is derived from the content, and what settled is answered again.
-- Locks the payer's wallet, nothing else; a replay locks nothing.
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
  refusal text := ledger.judge_agent(key_id, key_hash, thumbprint, wallet_id);
  known jsonb;
  offer record;
  verdict record;
  w ledger.wallets;
  payment ledger.payments;
  today date;
  balance bigint;
  settled jsonb;
begin
  if (capture in ('automatic', 'manual')) is not true then
    raise exception 'a capture is automatic or manual' using errcode = '22023';
  end if;
  if payment_id is distinct from ledger.payment_id_of(array[wallet_id::text, request_id,
    endpoint_id::text, amount, currency, method, coalesce(resource, ''), capture]) then
    raise exception 'the payment id is not that of the content' using errcode = '22023';
  end if;
  if refusal is not null then return jsonb_build_object('outcome', refusal); end if;

  -- Looked up before any lock, so that repeating is cheap; again under it, before a refusal and
  -- by the insert, so that whoever was faster with the same request is found.
  known := ledger.known(payment_id, wallet_id, request_id);
  if known is not null then return known; end if;

  select * into offer from ledger.judge_endpoint(
    endpoint_id, wallet_id, units, currency, method, href);
  if offer.problem is not null then
    return jsonb_build_object('outcome', offer.problem, 'quote', ledger.quote(endpoint_id));
  end if;

  select * into w from ledger.wallets as it where it.id = wallet_id for no key update;
  payment := row(
    payment_id, wallet_id, request_id, endpoint_id, offer.provider_id, units, currency,
    offer.price_version,
    substring(sha256(convert_to(method || ' ' || offer.url, 'UTF8')) from 1 for 16),
    case capture when 'manual' then 'held' else 'settled' end, false, ledger.clock(), null, null, null);
  -- The day never goes back, even for a payment that waited for the lock across midnight.
  today := greatest((payment.created_at at time zone 'UTC')::date, w.day);
  select * into verdict from ledger.judge_wallet(w, units, offer.provider_id, today);
  if verdict.problem is not null then
    return coalesce(ledger.known(payment_id, wallet_id, request_id), jsonb_strip_nulls(
      jsonb_build_object('outcome', verdict.problem, 'rule', verdict.rule,
        'policy', verdict.policy, 'retry_after', verdict.retry_after)));
  end if;

  balance := ledger.post_payment(w, payment, today);
  if balance is null then return ledger.known(payment_id, wallet_id, request_id); end if;
  settled := jsonb_build_object('outcome', 'payment', 'replayed', false,
    'payment', ledger.describe(payment, w.agent_id, false), 'balance', balance::text);
  if payment.state = 'held' or not offer.notified then return settled; end if;
  perform ledger.emit('payment.settled', payment_id, offer.provider_id);
  return settled || '{"notified": true}';
end
$$;
revoke execute on function api.settle_x402_payment from public;
grant execute on function api.settle_x402_payment to x402_edge;
comment on function api.settle_x402_payment is 'Settles one payment; the whole synchronous journey in one call.';
