-- The outbox: what happened to payments and leases, for those who want to be told by webhook.
--
-- An event is written by the transaction that caused it, only for who has a webhook, and stays until
-- its receiver has accepted it. Whoever has none costs nothing: a payment finds `notified` in a row it
-- reads anyway. Rows are only ever inserted on the way of a payment, so none is shared.
--
-- Locks: none that matter; creates empty tables and functions.
-- Undo: update ledger.providers set notified = false; then drop the functions and the tables.

create table ledger.webhooks (
  holder_id uuid primary key,
  url text not null check (length(url) <= 1024
    and url ~ '^(https://([a-z0-9-]+\.)+[a-z]{2,}/|http://(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?/)[!-~]*$'
    and url !~ '[#@\\]'),
  status text not null default 'active' check (status in ('active', 'paused', 'disabled')),
  reason text check (reason in ('gone', 'url_not_allowed')),
  failing_since timestamptz,
  created_at timestamptz not null default ledger.clock(),
  check ((status = 'disabled') = (reason is not null))
);
comment on table ledger.webhooks is 'Where a provider or an owner wants to be told what happened. Not active: events wait.';

create table ledger.webhook_secrets (
  holder_id uuid not null references ledger.webhooks,
  secret text not null check (secret ~ '^(whsec_[A-Za-z0-9+/]{32,86}|whsk_[A-Za-z0-9+/]{86})={0,2}$'),
  created_at timestamptz not null default ledger.clock(),
  expires_at timestamptz,
  primary key (holder_id, secret)
);
comment on table ledger.webhook_secrets is 'What webhooks are signed with. Two at a time while one takes the place of the other.';

create table ledger.events (
  id uuid primary key,
  seq bigint not null generated always as identity,
  holder_id uuid not null,
  kind text not null check (kind in ('payment.settled', 'payment.failed', 'payment.voided',
    'payment.expired', 'payment.refunded', 'lease.revoked')),
  subject_id uuid not null,
  facts jsonb not null,
  happened_at timestamptz not null,
  state text not null default 'pending' check (state in ('pending', 'delivered', 'dead')),
  attempt integer not null default 1,
  round integer not null default 1, -- the attempt this round of ten began with
  due_at timestamptz not null,
  begun_at timestamptz,
  last_answer text,
  ended_at timestamptz check ((ended_at is null) = (state = 'pending'))
) with (fillfactor = 70);
create index events_due on ledger.events (holder_id, due_at, seq) where state = 'pending';
create index events_order on ledger.events (subject_id, holder_id, seq) where state = 'pending';
create index events_delivered on ledger.events (ended_at) where state = 'delivered';
create index events_dead on ledger.events (holder_id, ended_at) where state = 'dead';
comment on table ledger.events is 'What somebody is to be told, once each. The id is a hash of what happened, so a repeat is the same event.';

alter table ledger.webhooks enable row level security;
alter table ledger.webhook_secrets enable row level security;
alter table ledger.events enable row level security;

-- Writes an event for its holder, a provider or an owner, if they have a webhook. The subject is the
-- payment or the lease; events of one subject are told in the order they are written. `facts` is a
-- flat object: what there is to say beyond the payment, and what makes this event another one.
-- To be called in the transaction that causes it, by whoever holds the subject's lock.
create function ledger.emit(kind text, subject_id uuid, holder_id uuid, facts jsonb default '{}')
returns void
language plpgsql set search_path = ''
as $$
#variable_conflict use_variable
declare
  moment timestamptz := ledger.clock();
begin
  insert into ledger.events (id, holder_id, kind, subject_id, facts, happened_at, due_at)
  select ledger.payment_id_of(array[w.holder_id::text, kind, subject_id::text, facts::text]),
    w.holder_id, kind, subject_id, facts, moment, moment
  from ledger.webhooks as w where w.holder_id = emit.holder_id
  on conflict do nothing;
end
$$;
comment on function ledger.emit is 'Has a provider or an owner told, once, what happened; nothing for who has no webhook.';

-- The same for many payments at once, each to its provider.
create function ledger.emit_payments(kind text, payment_ids uuid[], facts jsonb default '{}')
returns void
language plpgsql set search_path = ''
as $$
begin
  perform ledger.emit(emit_payments.kind, p.id, p.provider_id, emit_payments.facts)
  from ledger.payments as p
  join ledger.providers as r on r.id = p.provider_id
  where p.id = any (emit_payments.payment_ids) and r.notified
  order by p.id;
end
$$;
comment on function ledger.emit_payments is 'Has providers told what happened to their payments; nothing for who has no webhook.';
