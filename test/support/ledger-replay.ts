import type { ReservedSql } from 'postgres'
import type { Call } from '../model/ledger.ts'

/** A call and the moment, by the ledger's clock, at which it is made. */
export type Step = Call & { at: number }

/**
 * Tells the database a story on one connection, in one transaction that is then undone, and
 * returns what it answered to each step and what `closing`, a query, sees at the end.
 *
 * A step that raises is answered by its SQLSTATE and undoes itself alone. Needs a clock that a
 * transaction may set, and `prepareReplay` once for the connection.
 */
export async function replay(
  session: ReservedSql,
  story: { steps: readonly Step[]; timeZone: string; closing: string },
): Promise<{ answers: unknown[]; end: unknown }> {
  const statements = story.steps.map((step) => literal(statement(step)))
  const moments = story.steps.map(({ at }) => literal(new Date(at).toISOString()))
  try {
    const results = await session.unsafe(`
      begin;
      set local timezone = ${literal(story.timeZone)};
      select pg_temp.replay(
        array[${moments.join(', ')}]::text[], array[${statements.join(', ')}]::text[]) as answers;
      ${story.closing};
      rollback;
    `)
    const [told, closing] = results.flat()
    return { answers: told?.['answers'], end: closing?.['end'] }
  } catch (cause) {
    await session`rollback`
    throw cause
  }
}

/** Makes a connection ready to replay stories. */
export async function prepareReplay(session: ReservedSql): Promise<void> {
  await session.unsafe(`
    create function pg_temp.ask(statement text) returns jsonb language plpgsql as $ask$
    declare
      answer jsonb;
    begin
      execute statement into answer;
      return nullif(answer, '""'); -- what void becomes, of some functions
    exception when others then
      return jsonb_build_object('raised', sqlstate);
    end
    $ask$;

    create function pg_temp.replay(moments text[], statements text[]) returns jsonb
    language plpgsql as $replay$
    declare
      answers jsonb[] := '{}';
    begin
      for step in 1 .. cardinality(statements) loop
        perform set_config('ledger.now', moments[step], true);
        answers := answers || pg_temp.ask(statements[step]);
      end loop;
      return to_jsonb(answers);
    end
    $replay$;
  `)
}

/** The query that makes a call, with its arguments by name; it answers one JSON value. */
export function statement({ name, args }: Call): string {
  const named = Object.entries(args).map(([arg, value]) => `${arg} => ${literal(value)}`)
  return `select to_jsonb(f) as said from api.${name}(${named.join(', ')}) as f`
}

function literal(value: unknown): string {
  if (value === null || typeof value === 'number' || typeof value === 'boolean') {
    return String(value)
  }
  if (Array.isArray(value)) return literal(`{${value.join(',')}}`)
  return `'${String(value).replaceAll("'", "''")}'`
}
