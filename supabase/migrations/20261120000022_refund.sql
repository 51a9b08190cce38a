-- Refunds: a payment in the other direction, from the provider's earnings to the wallet.
--
-- Locks: none that matter; creates functions.
-- Undo: drop the functions.

-- A payment with all that came after it: how long it is held, what was captured, what was refunded.
create function ledger.story(payment_id uuid) returns jsonb
language plpgsql stable set search_path = ''
as $$
#variable_conflict use_variable
begin
  return ledger.answer(payment_id) || jsonb_build_object(
    'hold_expires_at', (
      select ledger.unix(h.expires_at) from ledger.holds as h where h.payment_id = payment_id),
    'capture', (
      select jsonb_build_object('attempt_id', c.attempt_id, 'captured', c.captured::text,
        'released', c.released::text, 'made_at', ledger.unix(c.made_at))
      from ledger.captures as c where c.payment_id = payment_id),
    'refunds', (
      select coalesce(jsonb_agg(jsonb_build_object('refund_id', r.refund_id,
        'amount', r.amount::text, 'made_at', ledger.unix(r.made_at)) order by r.made_at, r.refund_id), '[]')
      from ledger.refunds as r where r.payment_id = payment_id));
end
$$;
comment on function ledger.story is 'One payment as those it concerns see it; null when there is none.';

-- Takes an amount from what a provider earned, the inbox included; whether it was there.
-- Locks statistics, then earnings.
create function ledger.take_earnings(provider_id uuid, currency text, amount bigint) returns boolean
language plpgsql set search_path = ''
as $$
#variable_conflict use_variable
begin
  perform ledger.fold_credits(array(
    select i.seq from ledger.credit_inbox as i
    where i.provider_id = provider_id and i.currency = currency order by i.seq for update));
  update ledger.earnings as e set balance = e.balance - amount
  where e.provider_id = provider_id and e.currency = currency and e.balance >= amount;
  return found;
end
$$;
comment on function ledger.take_earnings is 'Never below zero.';

-- Why a provider may not give this much back: a reason, or null when it may, or did.
create function ledger.judge_refund(p ledger.payments, refund_id text, amount bigint) returns text
language plpgsql stable set search_path = ''
as $$
#variable_conflict use_variable
declare
  known bigint;
  spoiled text := ledger.judge_state(p);
begin
  select r.amount into known from ledger.refunds as r
  where r.payment_id = p.id and r.refund_id = refund_id;
  if known is not null then
    return case when known <> amount then 'refund_conflict' end;
  end if;
  return case
    when spoiled in ('payment_voided', 'payment_expired') then spoiled
    when p.state = 'held' then 'payment_held'
    when amount > p.amount - (
        select coalesce(sum(c.released), 0) from ledger.captures as c where c.payment_id = p.id
      ) - (
        select coalesce(sum(r.amount), 0) from ledger.refunds as r where r.payment_id = p.id
      ) then 'refund_too_high'
  end;
end
$$;
comment on function ledger.judge_refund is 'Judges a refund by what was captured and refunded before.';

-- Gives back a part or all of what was captured.
--
-- Answers {outcome: 'refunded', notified, payment}, or {outcome: 'refused', reason, payment} where `payment` is
-- null unless it is the caller's, or {outcome: <problem code>}.
-- The first use of the proof is claimed in the same transaction, so what was given back is not
-- redeemed any more. Policy counters are not given back.
-- Safe to repeat under the same refund id, which locks nothing.
-- Locks wallet, payment, statistics, earnings, in this order.
create function api.refund_x402_payment(
  key_id text, key_hash text, payment_id uuid, refund_id text, amount text)
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
  is_repeat boolean;
  reason text;
begin
  select * into caller from ledger.judge_provider(key_id, key_hash);
  if caller.problem is not null then return jsonb_build_object('outcome', caller.problem); end if;
  select * into p from ledger.payments as it
  where it.id = payment_id and it.provider_id = caller.provider_id;
  if p.id is null then
    return '{"outcome": "refused", "reason": "unauthorized_server", "payment": null}';
  end if;

  is_repeat := exists (
    select from ledger.refunds as r where r.payment_id = p.id and r.refund_id = refund_id);
  if not is_repeat then
    perform from ledger.wallets as w where w.id = p.wallet_id for no key update;
    select * into p from ledger.payments as it where it.id = payment_id for no key update;
    is_repeat := exists (
      select from ledger.refunds as r where r.payment_id = p.id and r.refund_id = refund_id);
  end if;
  reason := ledger.judge_refund(p, refund_id, units);
  if reason is null and not is_repeat and not ledger.take_earnings(p.provider_id, p.currency, units) then
    reason := 'earnings_insufficient';
  end if;
  if reason is not null then
    return jsonb_build_object('outcome', 'refused', 'reason', reason, 'payment', ledger.story(p.id));
  end if;
  if not is_repeat then
    insert into ledger.refunds (payment_id, refund_id, amount, made_at)
    values (p.id, refund_id, units, ledger.clock());
    update ledger.wallets as w set balance = w.balance + units where w.id = p.wallet_id;
    perform ledger.claim_redemption(p.id, p.id::text);
    perform ledger.emit_payments('payment.refunded', array[p.id],
      jsonb_build_object('refund_id', refund_id, 'refunded', units::text));
  end if;
  return jsonb_build_object('outcome', 'refunded', 'payment', ledger.story(p.id),
    'notified', not is_repeat and (select r.notified from ledger.providers as r where r.id = p.provider_id));
end
$$;
revoke execute on function api.refund_x402_payment from public;
grant execute on function api.refund_x402_payment to x402_edge;
comment on function api.refund_x402_payment is 'Gives back what a provider captured, in part or whole.';
