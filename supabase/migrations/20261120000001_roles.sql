-- Roles, schemas and the two defaults everything later relies on: nobody may do anything
-- that was not granted, and money is a positive whole number of atomic units.
--
-- Locks: none that matter; runs on an empty project in milliseconds.
-- Undo: drop schema api, ledger cascade; drop role x402_edge, x402_drain, x402_operator;
-- grant temporary on the database to public.

do $$
declare
  wanted text;
begin
  foreach wanted in array array['x402_edge', 'x402_drain', 'x402_operator'] loop
    begin
      execute format('create role %I nologin noinherit', wanted);
    exception when duplicate_object or unique_violation then
      null; -- roles belong to the cluster: another database of it may have made them already
    end;
    -- PostgREST logs in as authenticator and becomes the role its token names.
    if exists (select from pg_catalog.pg_roles where rolname = 'authenticator') then
      execute format('grant %I to authenticator', wanted);
    end if;
  end loop;
end
$$;

create schema ledger;
create schema api;
comment on schema ledger is 'Tables. Closed: no API role may use it.';
comment on schema api is 'Functions. The one schema exposed over REST.';

alter default privileges revoke execute on functions from public;

-- A temporary type is found before any other of its name, even with an empty search_path, so who
-- can make one could run code of theirs inside our functions, as their owner.
do $$
begin
  execute format('revoke temporary on database %I from public', current_database());
end
$$;
grant usage on schema api to x402_edge, x402_drain, x402_operator;

create domain ledger.amount as bigint check (value >= 0 and value < 9007199254740992);
comment on domain ledger.amount is 'Atomic units of one currency; below 2^53, so that every reader can hold it.';

create domain ledger.currency as text check (value in ('USDC', 'EURC'));
comment on domain ledger.currency is 'A currency of six decimals.';

-- The ledger's only clock. One function, so that every rule about time reads the same time.
create function ledger.clock() returns timestamptz
language sql volatile parallel safe
as 'select clock_timestamp()';
comment on function ledger.clock is 'Now, by the database. What moves money never reads another clock.';

-- Whole seconds since 1970: how instants cross the RPC border. Stable, as what it calls: declared
-- immutable it could not be inlined, and would be parsed and planned anew by every call.
create function ledger.unix(moment timestamptz) returns bigint
language sql stable parallel safe
as 'select floor(extract(epoch from moment))::bigint';
comment on function ledger.unix is 'An instant as whole unix seconds, rounded down.';
