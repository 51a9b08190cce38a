-- Who takes part: owners and their agents, wallets and policies; providers, endpoints and prices.
--
-- Locks: none that matter; creates empty tables.
-- Undo: drop the tables in reverse order. Nothing outside this file and the next refers to them.

create table ledger.owners (
  id uuid primary key,
  name text not null check (length(name) between 1 and 200),
  created_at timestamptz not null default ledger.clock()
);
comment on table ledger.owners is 'Who funds agents and sets their policies.';

create table ledger.agents (
  id uuid primary key,
  owner_id uuid not null references ledger.owners,
  name text not null check (length(name) between 1 and 200),
  status text not null default 'active' check (status in ('active', 'suspended')),
  created_at timestamptz not null default ledger.clock()
);
comment on table ledger.agents is 'The programs that pay.';

create table ledger.agent_keys (
  id text primary key check (id ~ '^[0-9A-Za-z]{16}$'),
  agent_id uuid not null references ledger.agents,
  key_hash bytea not null check (length(key_hash) = 32),
  created_at timestamptz not null default ledger.clock(),
  expires_at timestamptz,
  revoked_at timestamptz
);
comment on table ledger.agent_keys is 'API keys of agents, as SHA-256 of the whole key; the key itself is never stored.';

create table ledger.agent_signers (
  agent_id uuid not null references ledger.agents,
  thumbprint text not null check (thumbprint ~ '^[A-Za-z0-9_-]{43}$'),
  created_at timestamptz not null default ledger.clock(),
  revoked_at timestamptz,
  primary key (agent_id, thumbprint)
);
comment on table ledger.agent_signers is 'Ed25519 keys an agent signs payments with, by RFC 7638 thumbprint.';

-- A domain, since a check of the table would be compiled anew by every payment's update.
create domain ledger.wallet_status as text check (value in ('active', 'frozen'));
comment on domain ledger.wallet_status is 'Whether a wallet may pay.';

-- Half-empty pages keep the payer''s update on its own page (HOT). Never index a balance or a counter.
create table ledger.wallets (
  id uuid primary key,
  agent_id uuid not null references ledger.agents,
  currency ledger.currency not null,
  status ledger.wallet_status not null default 'active',
  balance ledger.amount not null default 0,
  day date not null default '2000-01-01',
  day_spent ledger.amount not null default 0,
  month date not null default '2000-01-01',
  month_spent ledger.amount not null default 0,
  terms integer not null default 0,
  created_at timestamptz not null default ledger.clock()
) with (fillfactor = 50);
comment on table ledger.wallets is 'What each agent can spend, with what it spent in the current UTC day and month.';
comment on column ledger.wallets.terms is 'Counts the changes of what its payments are judged by: policy, agent, keys, signers.';

create table ledger.policies (
  wallet_id uuid primary key references ledger.wallets,
  version integer not null default 1,
  payment_max ledger.amount not null,
  day_max ledger.amount not null,
  month_max ledger.amount not null,
  providers uuid[] check (array_position(providers, null) is null), -- null in it would allow anyone
  changed_at timestamptz not null default ledger.clock()
);
comment on table ledger.policies is 'What the owner allows a wallet: per payment, UTC day, UTC month, and to whom (null: anyone).';

create table ledger.providers (
  id uuid primary key,
  name text not null check (length(name) between 1 and 200),
  status text not null default 'active' check (status in ('active', 'closed')),
  notified boolean not null default false,
  created_at timestamptz not null default ledger.clock()
);
comment on table ledger.providers is 'Who is paid.';
comment on column ledger.providers.notified is 'Has a webhook, so that what happens to its payments is written to the outbox.';

create table ledger.provider_keys (
  id text primary key check (id ~ '^[0-9A-Za-z]{16}$'),
  provider_id uuid not null references ledger.providers,
  key_hash bytea not null check (length(key_hash) = 32),
  created_at timestamptz not null default ledger.clock(),
  expires_at timestamptz,
  revoked_at timestamptz
);
comment on table ledger.provider_keys is 'API keys of providers, as SHA-256 of the whole key.';

create table ledger.endpoints (
  id uuid primary key,
  provider_id uuid not null references ledger.providers,
  method text not null check (method ~ '^[A-Z]{3,10}$'),
  url text not null check (url ~ '^https?://[^/?#\s]+/[^?#\s]*$' and length(url) <= 1024),
  currency ledger.currency not null,
  status text not null default 'active' check (status in ('active', 'paused')),
  created_at timestamptz not null default ledger.clock()
);
comment on table ledger.endpoints is 'Priced routes. The URL has no query; what is at it or below it belongs to the endpoint.';

create table ledger.endpoint_prices (
  endpoint_id uuid not null references ledger.endpoints,
  version integer not null check (version > 0),
  amount ledger.amount not null,
  valid_from timestamptz not null,
  announced_at timestamptz not null default ledger.clock(),
  primary key (endpoint_id, version)
);
comment on table ledger.endpoint_prices is 'Prices by version. A version is valid until the next one begins. Zero: the endpoint is free.';
