-- Spend leases: escrow of a wallet from which an edge may promise payments without asking the ledger.
--
-- A lease row is the record of its own two movements: its grant (wallet to lease) and its reclaim
-- (what is left, back to the wallet). A payment made from it is debited to it instead of the wallet.
--
-- Locks: payments, policies and wallets exclusively, for as long as it takes to add columns without
-- a rewrite and to build two indexes.
-- Undo: drop the tables, the columns, the two indexes and the domains.

alter table ledger.policies
  add column settlement text not null default 'sync' check (settlement in ('sync', 'async', 'auto'));
comment on column ledger.policies.settlement is 'Whether payments may be promised from a lease. Sync: never.';

create index wallets_agent on ledger.wallets (agent_id);

create domain ledger.lease_seq as integer check (value > 0);
comment on domain ledger.lease_seq is 'The number of a promise, counted from one in its lease.';

-- No check of the table over the three: every synchronous payment would pay for it.
alter table ledger.payments
  add column lease_id uuid,
  add column lease_seq ledger.lease_seq,
  add column overdrawn boolean;
create index payments_draw on ledger.payments (lease_id, lease_seq) where lease_id is not null;
comment on column ledger.payments.overdrawn is 'Whether its lease no longer covered it, so the wallet paid; null without a lease.';

-- Domains again: a batch writes to a hundred leases, and would check what none of them changed.
create domain ledger.region as text check (value ~ '^[a-z0-9-]{1,32}$');
comment on domain ledger.region is 'Where a lease may be spent.';
create domain ledger.nonce as text check (value ~ '^[A-Za-z0-9_:.-]{1,64}$');
comment on domain ledger.nonce is 'The right to one lease, as its Redis named it.';
create domain ledger.epoch as integer check (value > 0);
comment on domain ledger.epoch is 'The number of a lease, counted from one in its wallet and region.';
create domain ledger.shard as smallint check (value between 0 and 63);
comment on domain ledger.shard is 'Which stream of a region.';
create domain ledger.lease_state as text check (value in ('open', 'revoked', 'reclaimed'));
comment on domain ledger.lease_state is 'Where a lease stands. The last is the fence.';

-- Settling changes no indexed column, so that it stays on its page (HOT).
create table ledger.leases (
  id uuid primary key,
  wallet_id uuid not null references ledger.wallets,
  region ledger.region not null,
  epoch ledger.epoch not null,
  nonce ledger.nonce not null,
  currency ledger.currency not null,
  shard ledger.shard not null,
  spend_limit ledger.charge not null,
  escrow ledger.amount not null,
  policy_version integer not null,
  policy_day date not null,
  granted_at timestamptz not null,
  reclaim_after timestamptz not null,
  state ledger.lease_state not null default 'open',
  settled ledger.amount not null default 0,
  returned ledger.amount not null default 0,
  overdraft ledger.amount not null default 0,
  forked boolean not null default false,
  reclaimed_at timestamptz,
  unique (wallet_id, region, epoch),
  unique (wallet_id, region, nonce),
  constraint leases_escrow check (spend_limit <= escrow and overdraft <= spend_limit and case state
    when 'reclaimed' then settled + returned = escrow else returned = 0 and settled <= escrow end),
  constraint leases_reclaimed check ((state = 'reclaimed') = (reclaimed_at is not null))
) with (fillfactor = 50);
create unique index leases_open on ledger.leases (wallet_id, region) where state = 'open';
create index leases_held on ledger.leases (wallet_id) where state <> 'reclaimed';
create index leases_due on ledger.leases (reclaim_after) where state <> 'reclaimed';
comment on table ledger.leases is 'Escrow for promised payments. Open, then revoked, then reclaimed; the last is the fence.';
comment on column ledger.leases.overdraft is 'What the wallet paid beyond the escrow, at most the limit.';
comment on column ledger.leases.forked is 'More was promised than the limit, or one number twice: its store lost or split its history.';

create table ledger.drain_watermarks (
  region text not null,
  shard smallint not null check (shard between 0 and 63),
  drained_through timestamptz not null,
  primary key (region, shard)
);
comment on table ledger.drain_watermarks is 'Until when everything promised in a region''s shard has reached the ledger.';

create table ledger.unfunded_proofs (
  payment_id uuid primary key,
  lease_id uuid not null,
  code text not null,
  record jsonb not null,
  noted_at timestamptz not null default ledger.clock(),
  funded_at timestamptz
);
comment on table ledger.unfunded_proofs is 'Promises that neither escrow nor wallet covered. Each one is an alarm.';

create table ledger.lease_stops (
  wallet_id uuid primary key,
  reason text not null,
  since timestamptz not null default ledger.clock()
);
comment on table ledger.lease_stops is 'Wallets that get no new lease until an operator resumes them. The nil id: nobody gets one.';

-- A lease keeps its terms, spends forward only, and ends once. What may not be is said in the triggers'
-- conditions: a function that is called for each of its leases takes a tenth of a batch's time.
create function ledger.guard_leases() returns trigger
language plpgsql set search_path = ''
as $$
begin
  raise exception 'a lease keeps its terms and ends once'
    using errcode = '55000', hint = 'grant a new lease';
end
$$;
comment on function ledger.guard_leases is 'Refuses every change of a lease but spending, revocation and reclaim.';
create trigger leases_kept before delete on ledger.leases
  for each row execute function ledger.guard_leases();
create trigger leases_terms before update of id, wallet_id, region, epoch, nonce, currency, shard,
  spend_limit, escrow, policy_version, policy_day, granted_at, reclaim_after on ledger.leases
  for each row when (
    (new.id, new.wallet_id, new.region, new.epoch, new.nonce, new.currency, new.shard)
      is distinct from (old.id, old.wallet_id, old.region, old.epoch, old.nonce, old.currency, old.shard)
    or (new.spend_limit, new.escrow, new.policy_version, new.policy_day)
      is distinct from (old.spend_limit, old.escrow, old.policy_version, old.policy_day)
    or (new.granted_at, new.reclaim_after) is distinct from (old.granted_at, old.reclaim_after))
  execute function ledger.guard_leases();
create trigger leases_stay before update on ledger.leases
  for each row when (
    old.state = 'reclaimed' or (new.state <> old.state and new.state = 'open')
    or new.settled < old.settled or new.overdraft < old.overdraft or new.forked < old.forked)
  execute function ledger.guard_leases();

-- Which stream of a region carries a wallet's payments: the same rule as in shared/domain/lease.ts.
create function ledger.shard_of(wallet_id uuid) returns smallint
language sql immutable parallel safe
as $$ select (get_byte(uuid_send(wallet_id), 15) & 63)::smallint $$;
comment on function ledger.shard_of is 'One of 64, from the last byte of the wallet''s id.';

do $$
declare
  closed text;
begin
  foreach closed in array array['leases', 'drain_watermarks', 'unfunded_proofs', 'lease_stops'] loop
    execute format('alter table ledger.%I enable row level security', closed);
  end loop;
end
$$;
