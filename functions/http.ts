import type { Context } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { NumberText, readJson } from '../shared/domain/json.ts'
import { type Problem, type ProblemCode, problems } from '../shared/domain/problem.ts'
import { fail, ok, type Result } from '../shared/domain/result.ts'
import type { RequestTrips } from './trips.ts'

/** What every handler finds in its context. */
export type PayosEnv = {
  Variables: {
    requestId: string
    trips: RequestTrips
    issuer: string
    /** The problem code the answer carries, for the log and the counters. */
    outcome?: ProblemCode
  }
}

export type PayosContext = Context<PayosEnv>

const BODY_BYTES_MAX = 64 * 1024

const malformed = {
  empty: 'The body is empty.',
  bom: 'The body begins with a byte order mark.',
  utf8: 'The body is not valid UTF-8.',
  syntax: 'The body is not valid JSON.',
  depth: 'The body nests deeper than 16 levels.',
  duplicate: 'The body has the same member twice.',
  other: 'The body is not a JSON object.',
} as const

/** The body as a JSON object that has one meaning, read once; or what is wrong with it. */
export async function readBody(c: PayosContext): Promise<Result<object>> {
  const type = c.req.header('content-type') ?? ''
  if (!/^application\/json\s*(;\s*charset="?utf-8"?\s*)?$/i.test(type)) {
    return unsupported('content-type')
  }
  if (!/^(identity)?$/i.test(c.req.header('content-encoding') ?? '')) {
    return unsupported('content-encoding')
  }
  const bytes = await readBytes(c.req.raw)
  if (!bytes) {
    return fail('body_too_large', {
      detail: 'The body is longer than 64 KiB.',
      hint: 'Send only the members the documentation names.',
      param: 'body',
    })
  }
  const json = readJson(bytes)
  if (!json.ok) return unreadable(json.reason, json.at)
  return isObject(json.value) ? ok(json.value) : unreadable('other')
}

const isObject = (value: unknown): value is object =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  !(value instanceof NumberText)

const unreadable = (reason: keyof typeof malformed, at = 'body') =>
  fail('malformed_request', {
    detail: malformed[reason],
    hint: 'Send one JSON object in UTF-8, each member once.',
    param: at.slice(0, 80),
  })

const unsupported = (param: string) =>
  fail('unsupported_media_type', {
    detail: 'The body is taken as plain JSON only.',
    hint: 'Send "Content-Type: application/json", and the body as it is, without compression.',
    param,
  })

/** All bytes of a body, or nothing when there are too many: it stops reading there. */
export async function readBytes(request: Request): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const announced = request.headers.get('content-length')
  if (announced !== null) {
    const fits = Number.parseInt(announced, 10) <= BODY_BYTES_MAX
    return fits ? new Uint8Array(await request.arrayBuffer()) : undefined
  }
  const bytes = new Uint8Array(BODY_BYTES_MAX)
  let length = 0
  for await (const chunk of request.body ?? []) {
    if (length + chunk.length > BODY_BYTES_MAX) return undefined
    bytes.set(chunk, length)
    length += chunk.length
  }
  return bytes.subarray(0, length)
}

/** What a problem says in headers, whatever the body's shape. */
export function headersOf({ code, retryAfterMs, paymentId }: Problem): Record<string, string> {
  const headers: Record<string, string> = {}
  if (retryAfterMs !== undefined) headers['Retry-After'] = `${Math.ceil(retryAfterMs / 1000)}`
  if (problems[code].status === 401) headers['WWW-Authenticate'] = 'Bearer'
  if (paymentId !== undefined) headers['Location'] = `/v1/x402/payments/${paymentId}`
  return headers
}

/** Answers a problem as RFC 9457 says, with what to do next. */
export function refuse(c: PayosContext, problem: Problem): Response {
  const row = problems[problem.code]
  const page = `${c.var.issuer}/problems#${problem.code}`
  const { retryAfterMs, paymentId } = problem
  const headers = { 'Content-Type': 'application/problem+json', ...headersOf(problem) }

  c.set('outcome', problem.code)
  const body = {
    type: page,
    title: row.title,
    status: row.status,
    detail: problem.detail,
    instance: `urn:payos:request:${c.var.requestId}`,
    code: problem.code,
    retry: row.retry,
    ...(retryAfterMs !== undefined && { retry_after_ms: retryAfterMs }),
    hint: problem.hint,
    ...(problem.param !== undefined && { param: problem.param }),
    request_id: c.var.requestId,
    ...(paymentId !== undefined && { payment_id: paymentId }),
    docs: page,
    ...problem.extra,
  }
  return c.body(JSON.stringify(body), row.status as ContentfulStatusCode, headers)
}
