import type { Context } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { type Problem, type ProblemCode, problems } from '../shared/domain/problem.ts'
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
