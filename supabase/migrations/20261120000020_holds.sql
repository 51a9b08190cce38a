-- Holds: amounts reserved for payments of which the provider decides later what it takes; and what
-- comes after: captures and refunds.
--
-- A hold row is the record of its own two movements: it is taken (wallet to hold) and it ends (what
-- was captured to the provider, the rest back to the wallet).
--
-- Locks: endpoints exclusively, for as long as it takes to add columns without a rewrite.
-- Undo: drop the views, the tables, their guard and the columns.

alter table ledger.endpoints
  add column hold_seconds integer not null default 86400 check (hold_seconds between 60 and 604800),
  add column discoverable boolean not null default false;
create index endpoints_discoverable on ledger.endpoints (created_at, id) where discoverable;
comment on column ledger.endpoints.hold_seconds is 'How long a held payment waits for its provider.';
comment on column ledger.endpoints.discoverable is 'Whether the endpoint is listed for anyone to find.';

create table ledger.holds (
  payment_id uuid primary key references ledger.payments,
  wallet_id uuid not null,
  taken_on date not null,
  expires_at timestamptz not null,
  ended_at timestamptz
);
create index holds_open on ledger.holds (expires_at) where ended_at is null;
comment on table ledger.holds is 'Amounts reserved for one payment each. A hold ends once: captured, voided or expired.';
comment on column ledger.holds.taken_on is 'The UTC day whose counters, and whose month''s, it was counted in.';

create table ledger.captures (
  payment_id uuid primary key references ledger.payments,
  attempt_id text check (attempt_id ~ '^[A-Za-z0-9_-]{1,64}$'),
  captured ledger.amount not null,
  released ledger.amount not null,
  made_at timestamptz not null
);
comment on table ledger.captures is 'What a provider took of a payment, once: all, a part, or nothing (void), and which attempt it was.';

create table ledger.refunds (
  payment_id uuid not null references ledger.payments,
  refund_id text not null check (refund_id ~ '^[A-Za-z0-9_-]{1,64}$'),
  amount ledger.amount not null check (amount > 0),
  made_at timestamptz not null,
  primary key (payment_id, refund_id)
);
comment on table ledger.refunds is 'What providers gave back. The provider names a refund within its payment, so a repeat is safe.';

-- A hold keeps its terms and ends once.
create function ledger.guard_holds() returns trigger
language plpgsql set search_path = ''
as $$
begin
  if tg_op = 'UPDATE' and old.ended_at is null and new.ended_at is not null
    and (new.payment_id, new.wallet_id, new.taken_on, new.expires_at)
      = (old.payment_id, old.wallet_id, old.taken_on, old.expires_at)
  then
    return new;
  end if;
  raise exception 'a hold keeps its terms and ends once' using errcode = '55000';
end
$$;
comment on function ledger.guard_holds is 'Refuses every change of a hold but its end.';
create trigger holds_stay before update or delete on ledger.holds
  for each row execute function ledger.guard_holds();
create trigger captures_stay before update or delete on ledger.captures
  for each row execute function ledger.guard_postings();
create trigger refunds_stay before update or delete on ledger.refunds
  for each row execute function ledger.guard_postings();

create view ledger.entries with (security_invoker = true) as
  with held (payment_id, wallet, provider, currency, amount, taken_at, captured, ended_at) as (
    select p.id, 'wallet:' || p.wallet_id, 'provider:' || p.provider_id, p.currency, p.amount::bigint,
      p.created_at, coalesce(c.captured::bigint, 0), h.ended_at
    from ledger.holds as h
    join ledger.payments as p on p.id = h.payment_id
    left join ledger.captures as c on c.payment_id = h.payment_id
  ), moved (transfer_id, debit, credit, currency, amount, created_at) as (
    select p.id,
      case when p.overdrawn is false then 'lease:' || p.lease_id else 'wallet:' || p.wallet_id end,
      'provider:' || p.provider_id, p.currency, p.amount::bigint, p.created_at
    from ledger.payments as p
    where p.state = 'settled' and not exists (select from ledger.holds as h where h.payment_id = p.id)
    union all
    select h.payment_id, h.wallet, 'hold:' || h.payment_id, h.currency, h.amount, h.taken_at from held as h
    union all
    select h.payment_id, 'hold:' || h.payment_id, end_of.account, h.currency, end_of.amount, h.ended_at
    from held as h,
      lateral (values (h.provider, h.captured), (h.wallet, h.amount - h.captured)) as end_of (account, amount)
    where h.ended_at is not null and end_of.amount > 0
    union all
    select p.id, 'provider:' || p.provider_id, 'wallet:' || p.wallet_id, p.currency, r.amount, r.made_at
    from ledger.refunds as r join ledger.payments as p on p.id = r.payment_id
    union all
    select t.id,
      case t.template when 'deposit' then 'external' else 'provider:' || t.provider_id end,
      case t.template when 'deposit' then 'wallet:' || t.wallet_id else 'external' end,
      t.currency, t.amount, t.created_at
    from ledger.transfers as t
    union all
    select l.id, 'wallet:' || l.wallet_id, 'lease:' || l.id, l.currency, l.escrow, l.granted_at
    from ledger.leases as l
    union all
    select l.id, 'lease:' || l.id, 'wallet:' || l.wallet_id, l.currency, l.returned, l.reclaimed_at
    from ledger.leases as l where l.state = 'reclaimed'
  )
  select m.transfer_id, side.account, m.currency, side.sign * m.amount as amount, m.created_at
  from moved as m, lateral (values (m.debit, -1), (m.credit, 1)) as side (account, sign);
comment on view ledger.entries is 'Both sides of every movement; the sum over any currency is zero.';

create view ledger.books with (security_invoker = true) as
  with stored (account, currency, amount) as (
    select 'wallet:' || w.id, w.currency, w.balance::numeric from ledger.wallets as w
    union all
    select 'hold:' || p.id, p.currency, case when h.ended_at is null then p.amount::bigint else 0 end
    from ledger.holds as h join ledger.payments as p on p.id = h.payment_id
    union all
    select 'lease:' || l.id, l.currency, l.escrow - l.settled - l.returned from ledger.leases as l
    union all
    select 'provider:' || e.provider_id, e.currency, e.balance from ledger.earnings as e
    union all
    select 'provider:' || i.provider_id, i.currency, i.amount from ledger.credit_inbox as i
  ), posted (account, currency, amount) as (
    select e.account, e.currency, e.amount from ledger.entries as e where e.account <> 'external'
  )
  select account, currency,
    coalesce(sum(amount) filter (where side = 'stored'), 0) as stored,
    coalesce(sum(amount) filter (where side = 'posted'), 0) as posted
  from (
    select account, currency, amount, 'stored' as side from stored
    union all
    select account, currency, amount, 'posted' from posted
  ) as both_sides
  group by account, currency;
comment on view ledger.books is 'Each account''s balance as stored beside the sum of its entries. They are equal, always.';

do $$
declare
  closed text;
begin
  foreach closed in array array['holds', 'captures', 'refunds'] loop
    execute format('alter table ledger.%I enable row level security', closed);
  end loop;
end
$$;
