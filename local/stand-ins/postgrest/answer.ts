import type { StandInAnswer } from '../server.ts'
import type { Call } from './call.ts'
import type { ApiFunction } from './catalog.ts'
import { Refusal } from './failure.ts'
import type { Format } from './media-type.ts'
import type { Row } from './session.ts'

type Outcome = { call: Call; function: ApiFunction; format: Format; row: Row }

/** The answer to a call that succeeded; the function may have set its status and headers. */
export function answerOf(outcome: Outcome): StandInAnswer {
  const { call, function: called, row } = outcome
  const isVoid = called.returns === 'void'
  return {
    status: statusIn(row['status'] ?? null) ?? (isVoid ? 204 : 200),
    headers: {
      ...commonHeaders(outcome),
      ...(isVoid ? {} : contentHeaders(outcome)),
      ...headersIn(row['headers'] ?? null),
    },
    body: isVoid || call.method === 'HEAD' ? '' : (row['body'] ?? ''),
  }
}

function commonHeaders({ call, row }: Outcome): Record<string, string> {
  const total = Number(row['total'] ?? 0)
  const { applied } = call.preferences
  return {
    'content-range': total > 0 ? `0-${total - 1}/*` : '*/*',
    vary: 'Accept, Prefer, Range',
    ...(applied.length > 0 ? { 'preference-applied': applied.join(', ') } : {}),
  }
}

function contentHeaders({ call, format, row }: Outcome): Record<string, string> {
  const length = String(Buffer.byteLength(row['body'] ?? ''))
  return {
    'content-type': format.contentType,
    ...(call.namesSchema ? { 'content-profile': call.schema } : {}),
    ...(call.method === 'HEAD' ? {} : { 'content-length': length }),
  }
}

/** What may be done with a function, without calling it. */
export function optionsAnswer({ volatility }: ApiFunction): StandInAnswer {
  const allow = volatility === 'volatile' ? 'OPTIONS,POST' : 'OPTIONS,GET,HEAD,POST'
  return {
    status: 200,
    headers: { allow, 'access-control-allow-origin': '*', 'content-length': '0' },
    body: '',
  }
}

function statusIn(text: string | null): number | undefined {
  if (text === null) return undefined
  const status = Number.parseInt(/^\d+/.exec(text)?.[0] ?? '', 10)
  if (status >= 200 && status <= 999) return status
  throw new Refusal({
    status: 500,
    code: 'PGRST112',
    message: 'response.status guc must be a valid status code',
  })
}

/** A header that is named twice is sent once, with both values. */
function headersIn(text: string | null): Record<string, string> {
  if (text === null) return {}
  const headers: Record<string, string> = {}
  for (const item of parseList(text)) {
    const [entry, more] = typeof item === 'object' && item !== null ? Object.entries(item) : []
    if (!entry || more || typeof entry[1] !== 'string') throw badHeaders()
    const name = entry[0].toLowerCase()
    headers[name] = name in headers ? `${headers[name]}, ${entry[1]}` : entry[1]
  }
  return headers
}

function parseList(text: string): unknown[] {
  try {
    const value: unknown = JSON.parse(text)
    if (Array.isArray(value)) return value
  } catch {
    // Not JSON at all: refused below like any other value.
  }
  throw badHeaders()
}

const badHeaders = () =>
  new Refusal({
    status: 500,
    code: 'PGRST111',
    message:
      'response.headers guc must be a JSON array composed of objects with a single key and a ' +
      'string value',
  })
