import { type Failure, Refusal } from './failure.ts'

/** An error as Postgres words it. */
export type DatabaseError = {
  code: string
  message: string
  detail?: string | undefined
  hint?: string | undefined
}

/** SQLSTATE or its beginning, and the HTTP status it becomes. The first that fits is taken. */
const STATUS_BY_SQLSTATE: readonly (readonly [string, number])[] = [
  ['08', 503],
  ['09', 500],
  ['0L', 403],
  ['0P', 403],
  ['23503', 409],
  ['23505', 409],
  ['25006', 405],
  ['21000', 500],
  ['25', 500],
  ['28', 403],
  ['2D', 500],
  ['38', 500],
  ['39', 500],
  ['3B', 500],
  ['40', 500],
  ['53400', 500],
  ['53', 503],
  ['54', 500],
  ['55', 500],
  ['57P01', 503],
  ['57', 500],
  ['58', 500],
  ['F0', 500],
  ['HV', 500],
  ['P0001', 400],
  ['P0', 500],
  ['XX', 500],
  ['42883', 404],
  ['42P01', 404],
  ['42P17', 500],
]

/** How PostgREST words an error of the database; `anonymous` callers are asked to log in first. */
export function databaseFailure(error: DatabaseError, anonymous: boolean): Failure {
  if (error.code === 'PGRST') return raisedFailure(error)
  const status = statusOf(error, anonymous)
  return {
    status,
    code: error.code,
    message: error.message,
    details: error.detail,
    hint: error.hint,
    headers: status === 401 ? { 'www-authenticate': 'Bearer' } : undefined,
  }
}

function statusOf({ code, message }: DatabaseError, anonymous: boolean): number {
  if (code.startsWith('PT')) return raisedStatus(code.slice(2))
  if (code === '42501') return anonymous ? 401 : 403
  if (code === '22023') return /^role.*does not exist$/.test(message) ? 401 : 400
  if (code === '21000' && message.endsWith('requires a WHERE clause')) return 400
  return STATUS_BY_SQLSTATE.find(([prefix]) => code.startsWith(prefix))?.[1] ?? 400
}

function raisedStatus(digits: string): number {
  const status = /^\d+$/.test(digits) ? Number(digits) : 500
  return status >= 100 ? status : 500
}

/** `RAISE SQLSTATE 'PGRST'`: the function writes the whole answer, as two JSON documents. */
function raisedFailure({ message, detail }: DatabaseError): Failure {
  try {
    const body = raisedBody(message)
    if (detail === undefined) throw badRaise('DETAIL is missing in the RAISE statement', 'DETAIL')
    return { ...body, ...raisedEnvelope(detail) }
  } catch (cause) {
    if (cause instanceof Refusal) return cause.failure
    throw cause
  }
}

function raisedBody(message: string): Pick<Failure, 'code' | 'message' | 'details' | 'hint'> {
  const bad = () => badRaise(`Invalid JSON value for MESSAGE: '${message}'`, 'MESSAGE')
  const object = parseObject(message)
  if (!object) throw bad()
  const { code, message: text, details, hint } = object
  if (typeof code !== 'string' || typeof text !== 'string') throw bad()
  if (!isTextOrAbsent(details) || !isTextOrAbsent(hint)) throw bad()
  return { code, message: text, details, hint }
}

function raisedEnvelope(detail: string): Pick<Failure, 'status' | 'headers'> {
  const bad = () => badRaise(`Invalid JSON value for DETAIL: '${detail}'`, 'DETAIL')
  const object = parseObject(detail)
  if (!object) throw bad()
  const { status, headers } = object
  if (!Number.isInteger(status) || typeof headers !== 'object' || headers === null) throw bad()
  if (!Object.values(headers).every((it) => typeof it === 'string')) throw bad()
  return { status: Number(status), headers: headers as Record<string, string> }
}

const isTextOrAbsent = (value: unknown): value is string | null | undefined =>
  value === undefined || value === null || typeof value === 'string'

const SHAPES = {
  MESSAGE: "'code', 'message' and optional keys: 'details', 'hint'",
  DETAIL: "'status', 'headers' and optional key: 'status_text'",
}

const badRaise = (details: string, part: keyof typeof SHAPES) =>
  new Refusal({
    status: 500,
    code: 'PGRST121',
    message: 'Could not parse JSON in the "RAISE SQLSTATE \'PGRST\'" error',
    details,
    hint: `${part} must be a JSON object with obligatory keys: ${SHAPES[part]}.`,
  })

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}
