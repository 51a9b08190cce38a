-- What moved: payments, transfers, and what is derived from them.
--
-- A payment row is its own transfer (debit the wallet, credit the provider), so a posting that does
-- not balance cannot be written. Provider credits are appended to an inbox, since a shared row
-- would let one payment through per flush of the log; the roll-up folds the inbox away.
--
-- Locks: none that matter; creates empty tables.
-- Undo: drop the tables in reverse order, then their guard.

-- Rules of columns that every payment writes are domains: a table's own checks are read and compiled
-- anew by each statement that writes to it, which was a fifth of the insert.
create domain ledger.request_id as text
  check (length(value) <= 64 and value ~ '^[A-Za-z0-9_-]+$');
comment on domain ledger.request_id is 'The name an agent gives one payment of one wallet.';

create domain ledger.charge as ledger.amount check (value > 0);
comment on domain ledger.charge is 'What a payment moves: an amount, and never nothing.';

create domain ledger.half_hash as bytea check (length(value) = 16);
comment on domain ledger.half_hash is 'The first 16 bytes of a SHA-256.';

create domain ledger.payment_state as text check (value in ('held', 'settled', 'voided', 'expired'));
comment on domain ledger.payment_state is 'What became of a payment.';

-- No foreign keys here: each would lock the endpoint's and the provider's row, which all their payers
-- share. The function that inserts has just read those rows, and nothing ever deletes one.
create table ledger.payments (
  id uuid primary key,
  wallet_id uuid not null,
  request_id ledger.request_id not null,
  endpoint_id uuid not null,
  provider_id uuid not null,
  amount ledger.charge not null,
  currency ledger.currency not null,
  price_version integer not null,
  resource_hash ledger.half_hash not null,
  state ledger.payment_state not null,
  conflict boolean not null default false,
  created_at timestamptz not null
);
create unique index payments_request on ledger.payments (wallet_id, request_id) where not conflict;
comment on table ledger.payments is 'One agent paying one requirement once. The id is a hash of what the agent asked for.';

create table ledger.credit_inbox (
  seq bigint generated always as identity primary key,
  provider_id uuid not null,
  endpoint_id uuid not null,
  currency ledger.currency not null,
  amount ledger.amount not null,
  paid_on date not null
);
comment on table ledger.credit_inbox is 'Credits of providers that the roll-up has not yet folded into earnings and statistics.';

create table ledger.earnings (
  provider_id uuid not null references ledger.providers,
  currency ledger.currency not null,
  balance ledger.amount not null default 0,
  primary key (provider_id, currency)
) with (fillfactor = 50);
comment on table ledger.earnings is 'What each provider earned and was not paid out, less what still lies in the inbox.';

create table ledger.endpoint_stats (
  endpoint_id uuid not null references ledger.endpoints,
  day date not null,
  payments bigint not null default 0,
  volume ledger.amount not null default 0,
  primary key (endpoint_id, day)
) with (fillfactor = 50);
comment on table ledger.endpoint_stats is 'Payments and volume per endpoint and UTC day, as of the last roll-up.';

create table ledger.transfers (
  id uuid primary key,
  template text not null check (template in ('deposit', 'payout')),
  wallet_id uuid references ledger.wallets,
  provider_id uuid references ledger.providers,
  amount ledger.amount not null check (amount > 0),
  currency ledger.currency not null,
  created_at timestamptz not null default ledger.clock(),
  check ((template = 'deposit') = (wallet_id is not null)),
  check ((template = 'payout') = (provider_id is not null))
);
comment on table ledger.transfers is 'Money that came in from outside or left. The id makes a repeat safe.';

create table ledger.redemptions (
  payment_id uuid primary key references ledger.payments,
  attempt_id text not null check (attempt_id ~ '^[A-Za-z0-9_-]{1,64}$'),
  claimed_at timestamptz not null
);
comment on table ledger.redemptions is 'The first use of a proof, claimed for a provider by one attempt.';

-- What is written stays: a payment changes only its state, only out of held; a transfer never.
create function ledger.guard_postings() returns trigger
language plpgsql set search_path = ''
as $$
declare
  before jsonb := to_jsonb(old);
  after jsonb := to_jsonb(new); -- null when it is deleted
begin
  if before ->> 'state' = 'held' and after ->> 'state' <> 'held'
    and before - 'state' = after - 'state' then
    return new;
  end if;
  raise exception 'a posting is never changed'
    using errcode = '55000', hint = 'post a movement in the other direction';
end
$$;
comment on function ledger.guard_postings is 'Refuses every change of a posting but the end of a hold.';

create trigger payments_stay before update or delete on ledger.payments
  for each row execute function ledger.guard_postings();
create trigger transfers_stay before update or delete on ledger.transfers
  for each row execute function ledger.guard_postings();

do $$
declare
  closed record;
begin
  for closed in select tablename from pg_catalog.pg_tables where schemaname = 'ledger' loop
    execute format('alter table ledger.%I enable row level security', closed.tablename);
  end loop;
end
$$;
