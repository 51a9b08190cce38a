import type { StandInRequest } from '../server.ts'
import { Refusal, unsupported } from './failure.ts'

/** The arguments of a call: their names, and the text they arrived in. */
export type Arguments =
  | { kind: 'body'; keys: string[]; json: string }
  | { kind: 'query'; keys: string[]; values: Map<string, string[]> }

const UNSUPPORTED_BODY = [
  'application/x-www-form-urlencoded',
  'text/csv',
  'text/plain',
  'text/xml',
  'application/octet-stream',
]

/** PostgREST parses the body to learn its keys; Postgres is given the body as it came. */
export function bodyArguments(request: StandInRequest): Arguments {
  const { columns, others } = resultParameters(request.url.searchParams)
  if (others.length > 0) throw unsupported(`the query parameter ${others[0]} on a POST`)

  const type = mediaTypeOf(request.headers['content-type'] ?? 'application/json')
  if (UNSUPPORTED_BODY.includes(type)) throw unsupported(`a body of type ${type}`)
  if (type !== 'application/json') throw badBody(`Content-Type not acceptable: ${type}`)

  if (columns) return { kind: 'body', keys: columns, json: request.body.toString('utf8') }
  if (request.body.length === 0) return { kind: 'body', keys: [], json: '{}' }
  return readBody(request.body)
}

function readBody(body: Buffer): Arguments {
  let json: string
  let value: unknown
  try {
    json = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body)
    value = JSON.parse(json)
  } catch {
    throw badBody('Empty or invalid json')
  }
  if (Array.isArray(value)) {
    return value.length === 0
      ? { kind: 'body', keys: [], json: '[]' }
      : { kind: 'body', keys: commonKeys(value), json }
  }
  if (isObject(value)) return { kind: 'body', keys: Object.keys(value), json }
  return { kind: 'body', keys: [], json: '[]' }
}

/** Of several objects only the first is used, but all must have its keys. */
function commonKeys(items: readonly unknown[]): string[] {
  const keyLists = items.map((item) => (isObject(item) ? Object.keys(item).toSorted() : null))
  const first = JSON.stringify(keyLists[0])
  if (keyLists[0] === null || keyLists.some((keys) => JSON.stringify(keys) !== first)) {
    throw badBody('All object keys must match')
  }
  return keyLists[0] ?? []
}

const OPERATORS =
  'eq|gte?|lte?|neq|i?like|i?match|cs|cd|ov|sl|sr|nxr|nxl|adj|in|is|isdistinct|(pl|ph|w)?fts'
const FILTER = new RegExp(`^(not\\.)?(${OPERATORS})(\\([^)]*\\))?\\.`)

/** Every query parameter of a GET is an argument, unless PostgREST would read it as a filter. */
export function queryArguments(request: StandInRequest): Arguments {
  const { columns, others } = resultParameters(request.url.searchParams)
  if (columns) throw unsupported('the query parameter columns on a GET')
  if (request.method === 'GET' && request.headers['range']) throw unsupported('the Range header')
  const values = new Map<string, string[]>()
  for (const key of others) {
    const texts = request.url.searchParams.getAll(key)
    if (RESULT_PARAMETER.test(key)) throw unsupported(`the query parameter ${key}`)
    if (texts.some((text) => FILTER.test(text))) throw unsupported('filters on results')
    values.set(key, texts)
  }
  return { kind: 'query', keys: [...values.keys()], values }
}

const RESULT_PARAMETER = /(^|\.)(select|order|limit|offset|and|or|on_conflict)$/

function resultParameters(query: URLSearchParams) {
  const columns = query
    .get('columns')
    ?.split(',')
    .map((column) => column.trim().replace(/^"(.*)"$/, '$1'))
  return { columns, others: [...new Set(query.keys())].filter((key) => key !== 'columns') }
}

const mediaTypeOf = (header: string) => header.split(';')[0]?.trim().toLowerCase() ?? ''

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const badBody = (message: string) => new Refusal({ status: 400, code: 'PGRST102', message })
