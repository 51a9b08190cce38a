import type { Session } from './session.ts'

export type Parameter = {
  name: string
  type: string
  /** The same type without a length: a value is not cut before the function sees it. */
  openType: string
  required: boolean
  variadic: boolean
}

export type ApiFunction = {
  schema: string
  name: string
  parameters: Parameter[]
  returns: 'void' | 'scalar' | 'composite'
  set: boolean
  volatility: 'volatile' | 'stable' | 'immutable'
  isolation: string | null
  /** Function settings that PostgREST applies to the whole transaction: name and value. */
  settings: [string, string][]
}

export type RoleSettings = { isolation: string | null; settings: [string, string][] }

/** The functions of the exposed schemas, as they are in the database now. */
export async function readFunctions(
  session: Session,
  schemas: readonly string[],
): Promise<ApiFunction[]> {
  return (await readJson(session, FUNCTIONS, [JSON.stringify(schemas)])) as ApiFunction[]
}

/** What `ALTER ROLE … SET` says about each role the login may become. */
export async function readRoles(session: Session): Promise<Record<string, RoleSettings>> {
  return (await readJson(session, ROLES, [])) as Record<string, RoleSettings>
}

/** With an empty search path, so that every type is named with its schema. */
async function readJson(session: Session, text: string, parameters: string[]): Promise<unknown> {
  const rows = await session.run([
    { text: 'begin isolation level read committed read only' },
    { text: `select set_config('search_path', '', true)` },
    { text, parameters },
    { text: 'commit' },
  ])
  return JSON.parse(rows[2]?.[0]?.['document'] ?? 'null')
}

/** A domain is judged by the type at its root; only input parameters count. */
const FUNCTIONS = `
with recursive root (oid, base) as (
  select t.oid, t.oid from pg_catalog.pg_type t where t.typtype <> 'd'
  union all
  select t.oid, root.base
  from pg_catalog.pg_type t join root on root.oid = t.typbasetype
  where t.typtype = 'd'
),
input as (
  select p.oid as function, coalesce(i.name, '') as name, i.type, i.mode,
         row_number() over (partition by p.oid order by i.place) as place
  from pg_catalog.pg_proc p,
       lateral rows from (
         unnest(coalesce(p.proallargtypes, p.proargtypes::oid[])),
         unnest(p.proargmodes), unnest(p.proargnames)
       ) with ordinality as i (type, mode, name, place)
  where i.type is not null and coalesce(i.mode, 'i') in ('i', 'b', 'v')
),
signature as (
  select p.oid as function,
         json_agg(json_build_object(
           'name', i.name,
           'type', pg_catalog.format_type(i.type, null),
           'openType', case i.type
             when 'pg_catalog.bit'::regtype then 'bit varying'
             when 'pg_catalog.bit[]'::regtype then 'bit varying[]'
             when 'pg_catalog.bpchar'::regtype then 'character varying'
             when 'pg_catalog.bpchar[]'::regtype then 'character varying[]'
             else pg_catalog.format_type(i.type, null) end,
           'required', i.place <= p.pronargs - p.pronargdefaults,
           'variadic', coalesce(i.mode = 'v', false)) order by i.place) as parameters,
         count(*) filter (where i.name = '') = 0
           or (count(*) = 1 and bool_and(i.type in (
             'pg_catalog.json'::regtype, 'pg_catalog.jsonb'::regtype, 'pg_catalog.text'::regtype,
             'pg_catalog.xml'::regtype, 'pg_catalog.bytea'::regtype))) as callable
  from pg_catalog.pg_proc p join input i on i.function = p.oid
  group by p.oid
)
select coalesce(json_agg(json_build_object(
  'schema', n.nspname,
  'name', p.proname,
  'parameters', coalesce(s.parameters, '[]'),
  'returns', case
    when t.typtype = 'c' or p.proargmodes && '{t,b,o}'::"char"[] then 'composite'
    when t.oid = 'pg_catalog.void'::regtype and not p.proretset then 'void'
    else 'scalar' end,
  'set', p.proretset,
  'volatility', case p.provolatile when 'v' then 'volatile' when 's' then 'stable'
    else 'immutable' end,
  'isolation', (
    select split_part(c, '=', 2) from unnest(p.proconfig) c
    where c like 'default\\_transaction\\_isolation=%'),
  'settings', coalesce((
    select json_agg(json_build_array(split_part(c, '=', 1), substr(c, strpos(c, '=') + 1)))
    from unnest(p.proconfig) c
    where split_part(c, '=', 1) in ('statement_timeout', 'plan_filter.statement_cost_limit',
      'default_transaction_isolation')), '[]')
) order by n.nspname, p.proname, p.oid), '[]')::text as document
from pg_catalog.pg_proc p
join pg_catalog.pg_namespace n on n.oid = p.pronamespace
join root on root.oid = p.prorettype
join pg_catalog.pg_type t on t.oid = root.base
left join signature s on s.function = p.oid
where p.prokind = 'f'
  and n.nspname in (select json_array_elements_text($1::json))
  and t.oid <> 'pg_catalog.trigger'::regtype
  and coalesce(s.callable, true)`

const ROLES = `
with setting as (
  select r.rolname, split_part(c, '=', 1) as name, substr(c, strpos(c, '=') + 1) as value
  from pg_catalog.pg_auth_members m
  join pg_catalog.pg_roles r on r.oid = m.roleid
  cross join unnest(r.rolconfig) c
  where m.member = (select oid from pg_catalog.pg_roles where rolname = current_user)
)
select coalesce(json_object_agg(role, about), '{}')::text as document
from (
  select s.rolname as role, json_build_object(
    'isolation', max(s.value) filter (where s.name = 'default_transaction_isolation'),
    'settings', coalesce(json_agg(json_build_array(s.name, s.value))
      filter (where s.name <> 'default_transaction_isolation'), '[]')) as about
  from setting s
  join pg_catalog.pg_settings known on known.name = s.name
  where known.context = 'user'
    or pg_catalog.has_parameter_privilege(current_user, known.name, 'set')
  group by s.rolname
) roles`
