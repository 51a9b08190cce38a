import type { Arguments } from './arguments.ts'
import type { ApiFunction, Parameter, RoleSettings } from './catalog.ts'
import type { Choice } from './choose.ts'
import type { Statement } from './session.ts'

export const quoteName = (name: string): string => `"${name.replaceAll('"', '""')}"`
const quoteText = (text: string) => `'${text.replaceAll("'", "''")}'`

const ISOLATION: Record<string, string> = {
  'repeatable read': 'repeatable read',
  serializable: 'serializable',
}

type Mode = { function: ApiFunction; role: RoleSettings | undefined; posted: boolean }

/** Only a POST to a volatile function may write. */
export function beginStatement({ function: called, role, posted }: Mode): Statement {
  const isolation = called.isolation ?? role?.isolation ?? ''
  const level = ISOLATION[isolation.toLowerCase()] ?? 'read committed'
  const access = posted && called.volatility === 'volatile' ? 'read write' : 'read only'
  return { text: `begin isolation level ${level} ${access}` }
}

/** Settings of this transaction alone, set in this order by one statement. */
export function settingsStatement(settings: readonly (readonly [string, string])[]): Statement {
  const list = settings.map(([name], at) => `set_config(${quoteText(name)}, $${at + 1}, true)`)
  return { text: `select ${list.join(', ')}`, parameters: settings.map(([, value]) => value) }
}

/**
 * False outside of the gateway's transaction, by an error.
 *
 * The driver runs a statement again, after the others, when Postgres reports one of three errors
 * that it takes for a stale plan; by then the transaction is over and so is the role.
 */
const INSIDE = `1 / length(current_setting('request.method')) >= 0`

/** Calls the function once and answers one row: the JSON text, its count, the two GUCs. */
export function callStatement(
  { function: called, wholeBody }: Choice,
  given: Arguments,
  singular: boolean,
): Statement {
  const { source, list, parameters } = wholeBody
    ? wholeBodySource(called, given)
    : given.kind === 'body'
      ? bodySource(called, given)
      : querySource(called, given.values)
  const invoked = `${quoteName(called.schema)}.${quoteName(called.name)}(${list})`
  const scalar = called.returns !== 'composite'
  const target = scalar ? `(select ${invoked} as value)` : invoked
  const from = [...source, `lateral ${target} called`].join(', ')
  const text = `
with source as (
  select ${scalar ? 'called.value' : 'called.*'} from ${from}
  where ${INSIDE}
)
select ${called.set ? 'count(*)' : '1'}::text as total, (${bodyOf(called, singular)})::text as body,
  nullif(current_setting('response.headers', true), '') as headers,
  nullif(current_setting('response.status', true), '') as status
from source result`
  return { text, parameters }
}

function bodyOf({ returns, set }: ApiFunction, singular: boolean): string {
  const rows = `json_agg(${returns === 'composite' ? 'result' : 'result.value'})`
  return set && !singular ? `coalesce(${rows}, '[]')` : `coalesce(${rows} -> 0, 'null')`
}

type Source = { source: string[]; list: string; parameters: string[] }

function wholeBodySource({ parameters: [only] }: ApiFunction, given: Arguments): Source {
  const json = given.kind === 'body' ? given.json : ''
  return { source: [], list: `$1::json::${only?.type ?? 'json'}`, parameters: [json] }
}

/** The body is one parameter, and Postgres itself takes it apart into typed columns. */
function bodySource({ parameters }: ApiFunction, given: Arguments & { kind: 'body' }): Source {
  const used = parameters.filter((it) => given.keys.includes(it.name))
  if (used.length === 0) return { source: [], list: '', parameters: [] }
  const columns = used.map((it) => `${quoteName(it.name)} ${it.openType}`).join(', ')
  const expand = given.json.trimStart().startsWith('{') ? 'json_to_record' : 'json_to_recordset'
  return {
    source: [`(select * from ${expand}($1::json) as record(${columns}) limit 1) as given`],
    list: used.map((it) => named(it, `given.${quoteName(it.name)}`)).join(', '),
    parameters: [given.json],
  }
}

function querySource({ parameters }: ApiFunction, values: Map<string, string[]>): Source {
  const used = parameters.filter((it) => values.has(it.name))
  return {
    source: [],
    list: used.map((it, at) => named(it, `$${at + 1}::text::${it.openType}`)).join(', '),
    parameters: used.map((it) => argumentText(it, values.get(it.name) ?? [])),
  }
}

const named = ({ name, variadic }: Parameter, value: string) =>
  `${variadic ? 'variadic ' : ''}${quoteName(name)} := ${value}`

/** A variadic parameter takes every value of that name, any other the last. */
function argumentText({ variadic }: Parameter, texts: readonly string[]): string {
  if (!variadic) return texts.at(-1) ?? ''
  const items = texts.map((text) => `"${text.replace(/[\\"]/g, '\\$&')}"`)
  return `{${items.join(',')}}`
}
