-- What the PostgREST conformance cases call. Run it once as the owner of a database that has the
-- API roles; on a hosted project, expose rpc_spec and rpc_spec_other afterwards.

drop schema if exists rpc_spec, rpc_spec_other cascade;
create schema rpc_spec;
create schema rpc_spec_other;

-- Roles belong to the whole server, where another run may be making them at this moment.
do $$ begin
  perform pg_advisory_xact_lock(7201);
  if not exists (select from pg_roles where rolname = 'rpc_spec_limited') then
    create role rpc_spec_limited nologin noinherit;
    alter role rpc_spec_limited set statement_timeout = '150ms';
    alter role rpc_spec_limited set default_transaction_isolation = 'repeatable read';
    create role rpc_spec_stranger nologin noinherit;
  end if;
  grant rpc_spec_limited to authenticator;
end $$;

set search_path = rpc_spec;
grant usage on schema rpc_spec, rpc_spec_other
  to anon, authenticated, service_role, rpc_spec_limited;

create type mood as enum ('calm', 'wild');
create domain score as integer check (value >= 0);
create type point as (x integer, y integer);
create table note (id integer primary key, parent integer, body text,
  constraint note_parent foreign key (parent) references note deferrable initially deferred);
create table hidden (id integer);
create sequence calls;
grant select, insert on note to authenticated;
grant usage on sequence calls to anon, authenticated;

-- Choosing
create function noop(payload jsonb) returns jsonb language sql as 'select payload';
create function add(a integer, b integer default 10) returns integer
  language sql immutable as 'select a + b';
create function greet(name text) returns text language sql immutable
  as $$select 'Hello, ' || name$$;
create function no_arguments() returns text language sql stable as $$select 'called'$$;
create function all_defaults(a integer default 1, b integer default 2) returns integer
  language sql immutable as 'select a * 100 + b';
create function area(side integer) returns integer language sql immutable as 'select side * side';
create function area(width integer, height integer) returns integer
  language sql immutable as 'select width * height';
create function same(a integer) returns text language sql immutable as $$select 'integer'$$;
create function same(a text) returns text language sql immutable as $$select 'text'$$;
create function shape(a integer) returns integer language sql immutable as 'select a';
create function shape(b text) returns setof text language sql immutable as 'values (b), (b)';
create function "MixedCase"("theName" text) returns text language sql as 'select "theName"';
create function "select"("from" text) returns text language sql as 'select "from"';
create function unnamed_json(json) returns json language sql immutable as 'select $1';
create function unnamed_jsonb(jsonb) returns jsonb language sql immutable as 'select $1';
create function unnamed_integer(integer) returns integer language sql immutable as 'select $1';
create function either(a integer) returns text language sql immutable as $$select 'named'$$;
create function either(json) returns text language sql immutable as $$select 'whole'$$;
create function on_change() returns trigger language plpgsql as 'begin return new; end';
create procedure a_procedure() language sql as 'select 1';
create function whereami() returns text language sql stable as $$select 'rpc_spec'$$;
create function rpc_spec_other.whereami() returns text language sql stable as $$select 'other'$$;

-- Arguments
create function echo_numeric(n numeric) returns numeric language sql immutable as 'select n';
create function echo_bigint(n bigint) returns bigint language sql immutable as 'select n';
create function echo_text(t text) returns text language sql immutable as 'select t';
create function echo_json(j json) returns json language sql immutable as 'select j';
create function kind_of(j jsonb) returns text language sql immutable
  as $$select coalesce(jsonb_typeof(j), 'absent')$$;
create function types(t text, i integer, b boolean, d date, f float8, u uuid, a integer[],
    m rpc_spec.mood, p rpc_spec.point) returns jsonb language sql
  as 'select jsonb_build_object($$t$$, t, $$i$$, i, $$b$$, b, $$d$$, d, $$f$$, f, $$u$$, u,
        $$a$$, a, $$m$$, m, $$p$$, p)';
create function list_of(variadic items text[]) returns text language sql immutable
  as $$select array_to_string(items, '|')$$;
create function joined(items text[]) returns text language sql immutable
  as $$select array_to_string(items, '|')$$;
create function char_length_of(c char(3)) returns text language sql immutable as 'select c::text';
create function bits_of(b bit(3)) returns text language sql immutable as 'select b::text';
create function in_and_out(inout a integer, out b integer, c integer)
  language sql immutable as 'select a + 1, c + 1';

-- Results
create function unicode() returns text language sql immutable as $$select 'žluť 😀'$$;
create function an_array() returns integer[] language sql immutable as 'select array[1, 2]';
create function a_set() returns setof integer language sql immutable as 'values (1), (2), (3)';
create function empty_set() returns setof integer language sql immutable as 'select 1 where false';
create function an_enum() returns rpc_spec.mood language sql stable
  as $$select 'wild'::rpc_spec.mood$$;
create function a_domain() returns rpc_spec.score language sql stable as 'select 7::rpc_spec.score';
create function a_point() returns rpc_spec.point language sql stable as 'select 1, 2';
create function points(n integer) returns setof rpc_spec.point language sql stable
  as 'select i, i * i from generate_series(1, n) i';
create function a_table() returns table (id integer, name text) language sql stable
  as $$values (1, 'one'), (2, 'two')$$;
create function a_record() returns record language plpgsql immutable
  as $$begin return row(1, 'one'::text); end$$;
create function nothing() returns text language sql immutable as 'select null::text';
create function nothing_at_all() returns void language plpgsql as 'begin end';
create function big() returns jsonb language sql immutable
  as $$select '{"n": 9007199254740993, "d": 0.10}'::jsonb$$;

-- Transactions
create function guc(name text) returns text language sql stable
  as 'select current_setting(name, true)';
create function guc_writing(name text) returns text language sql
  as 'select current_setting(name, true)';
create function whoami() returns text language sql stable as 'select current_user::text';
create function write_note(id integer, parent integer default null) returns void
  language plpgsql as 'begin insert into rpc_spec.note values (id, parent, $$$$); end';
create function write_notes(ids integer[]) returns setof integer language sql
  as 'insert into rpc_spec.note (id) select unnest(ids) returning id';
create function notes() returns bigint language sql stable as 'select count(*) from rpc_spec.note';
create function count_call() returns bigint language sql as $$select nextval('rpc_spec.calls')$$;
create function wrong_assignment() returns void language plpgsql security definer as $$
declare n integer;
begin
  perform nextval('rpc_spec.calls');
  insert into rpc_spec.note (id) values ('x'::text);
end $$;
create function slow() returns void language plpgsql set statement_timeout = '150ms'
  as 'begin perform pg_sleep(20); end';
create function sleep(seconds float8) returns void language plpgsql
  as 'begin perform pg_sleep(seconds); end';
create function strict_isolation() returns text language sql
  set default_transaction_isolation = 'serializable'
  as $$select current_setting('transaction_isolation')$$;
create function answer_with(status text default null, headers text default null) returns text
  language plpgsql as $$
begin
  if status is not null then perform set_config('response.status', status, true); end if;
  if headers is not null then perform set_config('response.headers', headers, true); end if;
  return 'body';
end $$;

-- Failures
create function fail(state text, message text default 'told to fail', detail text default null,
    hint text default null) returns void language plpgsql as $$
begin
  if detail is null and hint is null then
    raise exception using errcode = state, message = message;
  elsif hint is null then
    raise exception using errcode = state, message = message, detail = detail;
  elsif detail is null then
    raise exception using errcode = state, message = message, hint = hint;
  end if;
  raise exception using errcode = state, message = message, detail = detail, hint = hint;
end $$;
create function raise_plain() returns void language plpgsql as $$begin raise 'plainly'; end$$;
create function assert_false() returns void language plpgsql as $$begin assert false, 'no'; end$$;
create function divide(a integer, b integer) returns integer language sql immutable
  as 'select a / b';
create function read_hidden() returns bigint language sql stable
  as 'select count(*) from rpc_spec.hidden';
create function service_only() returns text language sql stable as $$select 'for the service'$$;

grant execute on all functions in schema rpc_spec, rpc_spec_other
  to anon, authenticated, service_role, rpc_spec_limited;
revoke execute on function service_only() from public, anon, authenticated, rpc_spec_limited;

reset search_path;
notify pgrst, 'reload config';
notify pgrst, 'reload schema';
