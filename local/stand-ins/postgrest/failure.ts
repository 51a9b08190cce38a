import type { StandInAnswer } from '../server.ts'

/** What PostgREST says when it does not do what was asked. */
export type Failure = {
  status: number
  code: string
  message: string
  details?: string | null | undefined
  hint?: string | null | undefined
  headers?: Record<string, string> | undefined
}

/** Thrown wherever a request ends early; the gateway turns it into the answer. */
export class Refusal extends Error {
  readonly failure: Failure

  constructor(failure: Failure) {
    super(failure.message)
    this.failure = failure
  }
}

/** A feature of PostgREST that this stand-in does not imitate: an answer, never a guess. */
export const unsupported = (feature: string): Refusal =>
  new Refusal({
    status: 501,
    code: 'STANDIN501',
    message: `this PostgREST stand-in does not support ${feature}`,
    hint: 'it serves functions under /rpc only',
  })

/** Seconds a caller is told to wait on a 503. */
const RETRY_AFTER = '1'

export function failureAnswer(failure: Failure): StandInAnswer {
  const { status, code, message, details = null, hint = null } = failure
  const body = JSON.stringify({ code, details, hint, message })
  return {
    status,
    headers: {
      'content-type': 'application/json; charset=utf-8',
      'content-length': String(Buffer.byteLength(body)),
      'proxy-status': `PostgREST; error=${code}`,
      vary: 'Accept, Prefer, Range',
      ...(status === 503 ? { 'retry-after': RETRY_AFTER } : {}),
      ...failure.headers,
    },
    body,
  }
}
