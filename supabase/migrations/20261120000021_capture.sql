-- Capture: what a provider takes of a payment it was promised, and what time takes from it.
--
-- Locks: none that matter; creates functions.
-- Undo: drop the functions.

-- Posting template grant, on a hold: wallet to hold. The caller has taken the amount from the wallet.
create function ledger.take_hold(payment_id uuid, today date) returns void
language plpgsql set search_path = ''
as $$
begin
  insert into ledger.holds (payment_id, wallet_id, taken_on, expires_at)
  select p.id, p.wallet_id, today, p.created_at + make_interval(secs => e.hold_seconds)
  from ledger.payments as p join ledger.endpoints as e on e.id = p.endpoint_id
  where p.id = take_hold.payment_id;
end
$$;
comment on function ledger.take_hold is 'Reserves the amount of a payment for as long as its endpoint says.';

-- Posting template reclaim, on a hold: what is not captured goes back to the wallet and, as far as
-- its day and month still run, to their counters. The caller holds the payment's lock and, when
-- something is released, the wallet's before it.
create function ledger.end_hold(payment_id uuid, state text, released bigint) returns void
language plpgsql set search_path = ''
as $$
#variable_conflict use_variable
declare
  h ledger.holds;
begin
  update ledger.payments as p set state = end_hold.state where p.id = payment_id;
  update ledger.holds as it set ended_at = ledger.clock() where it.payment_id = payment_id
  returning * into h;
  if released > 0 then
    update ledger.wallets as w set
      balance = w.balance + released,
      day_spent = w.day_spent - case when w.day = h.taken_on then released else 0 end,
      month_spent = w.month_spent - case
        when w.month = date_trunc('month', h.taken_on::timestamp)::date then released else 0 end
    where w.id = h.wallet_id;
  end if;
end
$$;
comment on function ledger.end_hold is 'Ends a hold as settled, voided or expired, and gives back what is left.';

-- Why a payment cannot be redeemed any more: a reason, or null while it can.
create function ledger.judge_state(p ledger.payments) returns text
language plpgsql stable set search_path = ''
as $$
begin
  return case p.state
    when 'settled' then (
      select 'payment_refunded' from ledger.refunds as r where r.payment_id = p.id limit 1)
    when 'held' then (
      select 'payment_expired' from ledger.holds as h
      where h.payment_id = p.id and h.expires_at <= ledger.clock())
    else 'payment_' || p.state
  end;
end
$$;
comment on function ledger.judge_state is 'Judges refunds, voids and the end of a hold''s time, swept or not.';

-- Why a provider may not take this much of its payment: a reason, or null when it may, or did.
create function ledger.judge_capture(p ledger.payments, attempt_id text, amount bigint) returns text
language plpgsql stable set search_path = ''
as $$
#variable_conflict use_variable
declare
  before ledger.captures;
  spoiled text;
begin
  select * into before from ledger.captures as c where c.payment_id = p.id;
  if before.payment_id is not null then
    return case
      when attempt_id is not null and before.attempt_id is distinct from attempt_id
        then 'duplicate_settlement'
      when before.captured <> amount then 'settle_conflict'
    end;
  end if;
  spoiled := ledger.judge_state(p);
  return case
    when spoiled = 'payment_expired' then 'hold_expired'
    when spoiled is not null then spoiled
    when amount > p.amount or p.state = 'settled' and amount <> p.amount then 'settle_conflict'
  end;
end
$$;
comment on function ledger.judge_capture is 'Judges a capture by what was captured before, time and amount.';

-- Captures what was judged, unless another attempt has the first use: then the reason. Settling uses
-- the proof up, and a provider with a webhook is told. The caller holds the locks.
create function ledger.post_capture(p ledger.payments, attempt_id text, amount bigint) returns text
language plpgsql set search_path = ''
as $$
#variable_conflict use_variable
declare
  moment timestamptz := ledger.clock();
begin
  if ledger.claim_redemption(p.id, coalesce(attempt_id, p.id::text)) is not null
    and attempt_id is not null
  then
    return 'duplicate_settlement';
  end if;
  insert into ledger.captures (payment_id, attempt_id, captured, released, made_at)
  values (p.id, attempt_id, amount, p.amount - amount, moment);
  if p.state = 'held' then
    perform ledger.end_hold(p.id, case amount when 0 then 'voided' else 'settled' end, p.amount - amount);
    insert into ledger.credit_inbox (provider_id, endpoint_id, currency, amount, paid_on)
    select p.provider_id, p.endpoint_id, p.currency, amount, (moment at time zone 'UTC')::date
    where amount > 0;
    perform ledger.emit_payments(case amount when 0 then 'payment.voided' else 'payment.settled' end,
      array[p.id], jsonb_build_object('captured', amount::text, 'released', (p.amount - amount)::text));
  end if;
  return null;
end
$$;
comment on function ledger.post_capture is 'Posting template settle, hold to provider; the rest is released.';

-- Captures a payment: all of it, a part, or nothing, which voids it. One call decides every race.
--
-- Answers {outcome: 'captured', notified, payment}, or {outcome: 'refused', reason, payment} where `payment` is
-- null unless it is the caller's, or {outcome: <problem code>}. A payment that settled by itself is
-- captured whole, and nothing moves.
-- Safe to repeat: the same attempt and amount are answered the same, and lock nothing.
-- Locks the payer's wallet, when something goes back to it, then the payment.
create function api.capture_x402_payment(
  key_id text, key_hash text, payment_id uuid, amount text, attempt_id text)
returns jsonb
language plpgsql security definer
set search_path = '' set enable_seqscan = off set jit = off
set statement_timeout = '3s' set lock_timeout = '1s'
as $$
#variable_conflict use_variable
declare
  units ledger.amount := amount::bigint;
  caller record;
  p ledger.payments;
  reason text;
  ends_hold boolean := false;
begin
  select * into caller from ledger.judge_provider(key_id, key_hash);
  if caller.problem is not null then return jsonb_build_object('outcome', caller.problem); end if;
  select * into p from ledger.payments as it
  where it.id = payment_id and it.provider_id = caller.provider_id;
  if p.id is null then
    return '{"outcome": "refused", "reason": "unauthorized_server", "payment": null}';
  end if;

  if not exists (select from ledger.captures as c where c.payment_id = p.id) then
    if p.state = 'held' and units < p.amount then
      perform from ledger.wallets as w where w.id = p.wallet_id for no key update;
    end if;
    select * into p from ledger.payments as it where it.id = payment_id for no key update;
  end if;
  reason := ledger.judge_capture(p, attempt_id, units);
  if reason is null and not exists (select from ledger.captures as c where c.payment_id = p.id) then
    ends_hold := p.state = 'held';
    reason := ledger.post_capture(p, attempt_id, units);
  end if;
  if reason is not null then
    return jsonb_build_object('outcome', 'refused', 'reason', reason, 'payment', ledger.story(p.id));
  end if;
  return jsonb_build_object('outcome', 'captured', 'payment', ledger.story(p.id),
    'notified', ends_hold and (select r.notified from ledger.providers as r where r.id = p.provider_id));
end
$$;
revoke execute on function api.capture_x402_payment from public;
grant execute on function api.capture_x402_payment to x402_edge;
comment on function api.capture_x402_payment is 'Captures a payment in whole or part, or voids it.';

-- Ends holds whose time is over and gives their amounts back; answers how many.
--
-- Safe to repeat, and at once with itself: what is locked is left for the next time, so nobody is
-- waited for. No clock but this one is asked.
create function api.expire_x402_holds(most integer default 1000) returns integer
language plpgsql security definer
set search_path = '' set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
set statement_timeout = '10s'
as $$
declare
  moment timestamptz := ledger.clock();
  due uuid[];
  p ledger.payments;
  ended integer := 0;
begin
  due := array(
    select it.id from ledger.holds as h
    join ledger.payments as it on it.id = h.payment_id
    join ledger.wallets as w on w.id = h.wallet_id
    where h.ended_at is null and h.expires_at <= moment and it.state = 'held'
    order by h.expires_at, h.payment_id limit most
    for no key update of w, it skip locked);
  for p in
    select it.* from unnest(due) with ordinality as d (id, place)
    join ledger.payments as it on it.id = d.id order by d.place
  loop
    -- A wallet that is full waits, and delays nobody.
    continue when 9007199254740992 - p.amount <= (
      select w.balance from ledger.wallets as w where w.id = p.wallet_id);
    perform ledger.end_hold(p.id, 'expired', p.amount);
    perform ledger.emit_payments(
      'payment.expired', array[p.id], jsonb_build_object('released', p.amount::text));
    ended := ended + 1;
  end loop;
  return ended;
end
$$;
revoke execute on function api.expire_x402_holds from public;
grant execute on function api.expire_x402_holds to x402_drain, x402_operator;
comment on function api.expire_x402_holds is 'Returns what no provider captured in time.';
