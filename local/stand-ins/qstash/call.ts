import { json, type StandInAnswer, type StandInRequest } from '../server.ts'
import type { Messenger } from './messenger.ts'
import { Refusal } from './refusal.ts'
import type { State } from './state.ts'

/** One authenticated call of the API. */
export type Call = {
  state: State
  messenger: Messenger
  now: number
  headers: Record<string, string>
  body: Buffer
  query: URLSearchParams
  /** The variable parts of the path, decoded. */
  names: string[]
}

/** A route's own answer; a value is answered as JSON with status 200. */
export type Handler = (call: Call) => StandInAnswer | Record<string, unknown> | unknown[]

export const nameOf = ({ names: [name] }: Call): string => {
  if (!name) throw new Refusal(400, 'a name is missing in the path')
  return name
}

export function jsonBody(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8')) as unknown
  } catch {
    throw new Refusal(400, 'the body is not JSON')
  }
}

/** The row, or 404. */
export function found<Row>(row: Row | undefined, what: string): Row {
  if (row === undefined) throw new Refusal(404, `${what} not found`)
  return row
}

export const refusalAnswer = (cause: unknown): StandInAnswer => {
  if (!(cause instanceof Refusal)) throw cause
  return json(cause.status, { error: cause.message })
}

/** A request target in its parts, none of them normalised. */
export type Target = { path: string; query: URLSearchParams; token: string | null }

export function targetOf({ rawTarget }: StandInRequest): Target {
  const [path = '', ...rest] = rawTarget.split('?')
  const query = new URLSearchParams(rest.join('?'))
  return { path, query, token: query.get('qstash_token') }
}

/**
 * A request target without the token a caller may put into its query.
 *
 * In a publish the rest of the query belongs to the destination, so it is cut out, not re-encoded.
 */
export function withoutToken(rawTarget: string): string {
  const start = rawTarget.indexOf('?')
  if (start < 0) return rawTarget
  const kept = rawTarget
    .slice(start + 1)
    .split('&')
    .filter((pair) => !pair.startsWith('qstash_token='))
  return rawTarget.slice(0, start) + (kept.length > 0 ? `?${kept.join('&')}` : '')
}
