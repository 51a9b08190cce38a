-- Who may do what, read from the catalogue: a new function or table is closed until it is listed.
begin;
select plan(17);

select set_eq(
  $$
    select p.proname::text, coalesce(nullif(a.grantee, 0)::regrole::text, 'public')
    from pg_proc as p,
      aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as a
    where p.pronamespace = 'api'::regnamespace and a.grantee <> p.proowner
  $$,
  $$
    values
      ('settle_x402_payment', 'x402_edge'),
      ('capture_x402_payment', 'x402_edge'),
      ('refund_x402_payment', 'x402_edge'),
      ('list_x402_endpoints', 'x402_edge'),
      ('expire_x402_holds', 'x402_drain'),
      ('expire_x402_holds', 'x402_operator'),
      ('put_x402_endpoint_terms', 'x402_operator'),
      ('get_x402_endpoint', 'x402_edge'),
      ('get_x402_payment', 'x402_edge'),
      ('check_x402_proof', 'x402_edge'),
      ('audit_x402', 'x402_drain'),
      ('audit_x402', 'x402_operator'),
      ('grant_x402_lease', 'x402_drain'),
      ('note_x402_drained', 'x402_drain'),
      ('reclaim_x402_leases', 'x402_drain'),
      ('roll_up_x402_credits', 'x402_drain'),
      ('settle_x402_batch', 'x402_drain'),
      ('settle_x402_overdrawn', 'x402_drain'),
      ('take_x402_events', 'x402_drain'),
      ('begin_x402_delivery', 'x402_drain'),
      ('end_x402_delivery', 'x402_drain'),
      ('roll_up_x402_credits', 'x402_operator'),
      ('announce_x402_price', 'x402_operator'),
      ('deposit_x402_funds', 'x402_operator'),
      ('get_x402_ended_leases', 'x402_operator'),
      ('get_x402_events', 'x402_operator'),
      ('get_x402_totals', 'x402_operator'),
      ('get_x402_webhooks', 'x402_operator'),
      ('pay_out_x402_earnings', 'x402_operator'),
      ('put_x402_agent', 'x402_operator'),
      ('put_x402_endpoint', 'x402_operator'),
      ('put_x402_key', 'x402_operator'),
      ('put_x402_owner', 'x402_operator'),
      ('put_x402_policy', 'x402_operator'),
      ('put_x402_provider', 'x402_operator'),
      ('put_x402_settlement', 'x402_operator'),
      ('put_x402_signer', 'x402_operator'),
      ('put_x402_wallet', 'x402_operator'),
      ('put_x402_webhook', 'x402_operator'),
      ('put_x402_webhook_secret', 'x402_operator'),
      ('remove_x402_webhook', 'x402_operator'),
      ('replay_x402_events', 'x402_operator'),
      ('resume_x402_leases', 'x402_operator'),
      ('revoke_x402_key', 'x402_operator'),
      ('revoke_x402_leases', 'x402_operator'),
      ('stop_x402_leases', 'x402_operator')
  $$,
  'each function of api is granted to its callers and to nobody else');

select is_empty(
  $$
    select p.oid::regprocedure, a.grantee
    from pg_proc as p,
      aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as a
    where p.pronamespace = 'ledger'::regnamespace and a.grantee <> p.proowner
  $$,
  'no function of ledger is granted to anyone');

select is_empty(
  $$
    select c.oid::regclass, a.grantee
    from pg_class as c, aclexplode(c.relacl) as a
    where c.relnamespace in ('ledger'::regnamespace, 'api'::regnamespace)
      and a.grantee <> c.relowner
  $$,
  'no table, view or sequence is granted to anyone');

select is_empty(
  $$
    select n.nspname, a.grantee::regrole, a.privilege_type
    from pg_namespace as n, aclexplode(n.nspacl) as a
    where n.nspname = 'ledger' and a.grantee <> n.nspowner
  $$,
  'nobody may use the schema ledger');

select set_eq(
  $$
    select a.grantee::regrole::text, a.privilege_type
    from pg_namespace as n, aclexplode(n.nspacl) as a
    where n.nspname = 'api' and a.grantee <> n.nspowner
  $$,
  $$ values ('x402_edge', 'USAGE'), ('x402_drain', 'USAGE'), ('x402_operator', 'USAGE') $$,
  'the three roles of PayOS may use the schema api, and create nothing in it');

select is_empty(
  $$
    select r.rolname, s.name
    from pg_roles as r, (values ('ledger'), ('api')) as s (name)
    where r.rolname in ('anon', 'authenticated', 'service_role', 'authenticator')
      and has_schema_privilege(r.oid, s.name, 'usage')
  $$,
  'the API roles of a hosted project may use neither schema');

select is_empty(
  $$
    select p.oid::regprocedure from pg_proc as p
    where p.pronamespace in ('api'::regnamespace, 'ledger'::regnamespace) and p.prosecdef
      and not 'search_path=""' = any (coalesce(p.proconfig, '{}'))
  $$,
  'every security definer function has an empty search_path');

select is_empty(
  $$
    select p.oid::regprocedure from pg_proc as p
    where p.pronamespace = 'api'::regnamespace and not p.prosecdef
  $$,
  'every function of api runs as its owner, since the tables are closed');

select is_empty(
  $$
    select p.oid::regprocedure from pg_proc as p
    where p.pronamespace = 'ledger'::regnamespace and p.prosecdef
  $$,
  'no function of ledger does');

select is_empty(
  $$
    select p.oid::regprocedure from pg_proc as p
    where p.pronamespace = 'api'::regnamespace
      and (p.prorettype || coalesce(p.proallargtypes, '{}'))::oid[]
        && array['bigint'::regtype, 'numeric'::regtype]::oid[]
  $$,
  'no function of api returns a bigint or a numeric, which JSON readers round');

select is_empty(
  $$
    select p.proname from pg_proc as p where p.pronamespace = 'api'::regnamespace
    group by p.proname having count(*) > 1
  $$,
  'no function of api is overloaded: a call picks its function by argument names');

select is_empty(
  $$
    select c.oid::regclass from pg_class as c
    where c.relnamespace = 'ledger'::regnamespace and c.relkind in ('r', 'p')
      and not c.relrowsecurity
  $$,
  'every table has row level security');

select is_empty('select * from pg_policy', 'and no policy opens it');

select is_empty(
  $$
    select c.oid::regclass from pg_class as c
    where c.relnamespace = 'ledger'::regnamespace and c.relkind = 'v'
      and not 'security_invoker=true' = any (coalesce(c.reloptions, '{}'))
  $$,
  'every view sees what its reader may see');

select is_empty(
  $$ select oid::regclass from pg_class where relnamespace = 'api'::regnamespace $$,
  'the schema api holds functions and nothing else');

select set_eq(
  $$
    select r.rolname::text, m.member::regrole::text
    from pg_auth_members as m join pg_roles as r on r.oid = m.roleid
    where r.rolname like 'x402%' and m.member::regrole::text <> current_user
  $$,
  $$
    values ('x402_edge', 'authenticator'), ('x402_drain', 'authenticator'),
      ('x402_operator', 'authenticator')
  $$,
  'only PostgREST may become a role of PayOS');

create function api.made_tomorrow() returns integer language sql as 'select 1';
select is_empty(
  $$
    select r.rolname from pg_roles as r
    where not r.rolsuper and r.rolname !~ '^pg_' and r.oid <> (
        select proowner from pg_proc where proname = 'made_tomorrow')
      and has_function_privilege(r.oid, 'api.made_tomorrow()', 'execute')
  $$,
  'a function made tomorrow is closed until it is granted');

select * from finish();
rollback;
