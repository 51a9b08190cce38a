import type { Sql } from 'postgres'

export type Routine = { schema: string; name: string; call: string }

/** Every function of the ledger's schemas with a call of it, each argument null of its type. */
export async function listRoutines(sql: Sql): Promise<Routine[]> {
  const rows = await sql<Routine[]>`
    select n.nspname as schema, p.proname as name,
      format('select %I.%I(%s)', n.nspname, p.proname, (
        select string_agg(format('null::%s', format_type(t.type, null)), ', ' order by t.place)
        from unnest(p.proargtypes) with ordinality as t (type, place))) as call
    from pg_catalog.pg_proc as p
    join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
    where n.nspname in ('api', 'ledger')
    order by 1, 2`
  return [...rows]
}

/** Every table, view and sequence of the ledger's schemas. */
export async function listRelations(sql: Sql): Promise<string[]> {
  const rows = await sql<{ name: string }[]>`
    select format('%I.%I', n.nspname, c.relname) as name
    from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where n.nspname in ('api', 'ledger') and c.relkind in ('r', 'p', 'v', 'm', 'S')
    order by 1`
  return rows.map(({ name }) => name)
}
