-- Everything a reader meets in the catalogue says what it is.
begin;
select plan(4);

select is_empty(
  $$
    select nspname from pg_namespace
    where nspname in ('api', 'ledger') and obj_description(oid, 'pg_namespace') is null
  $$,
  'each schema has a comment');

select is_empty(
  $$
    select c.oid::regclass from pg_class as c
    where c.relnamespace = 'ledger'::regnamespace and c.relkind in ('r', 'p', 'v')
      and obj_description(c.oid, 'pg_class') is null
  $$,
  'each table and view has a comment');

select is_empty(
  $$
    select t.oid::regtype from pg_type as t
    where t.typnamespace = 'ledger'::regnamespace and t.typtype = 'd'
      and obj_description(t.oid, 'pg_type') is null
  $$,
  'each domain has a comment');

select is_empty(
  $$
    select p.oid::regprocedure from pg_proc as p
    where p.pronamespace in ('api'::regnamespace, 'ledger'::regnamespace)
      and obj_description(p.oid, 'pg_proc') is null
  $$,
  'each function has a comment');

select * from finish();
rollback;
