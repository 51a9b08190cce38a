import { parseRetryDelay } from './expression.ts'
import { Refusal } from './refusal.ts'

const DAY_MS = 86_400_000

const UNIT_MS: Record<string, number> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: DAY_MS,
}

/** A duration of one or more numbers with units (`1d10h30m`), or undefined when it is not one. */
function durationMs(text: string, units: string): number | undefined {
  const part = new RegExp(`(\\d+(?:\\.\\d+)?)(${units})`, 'g')
  if (text === '' || text.replace(part, '') !== '') return undefined
  const parts = [...text.matchAll(part)]
  return Math.round(
    parts.reduce((sum, [, count, unit]) => sum + Number(count) * (UNIT_MS[unit ?? ''] ?? 0), 0),
  )
}

/** A duration in a request header of QStash: seconds, minutes, hours, days. */
export function headerDurationMs(name: string, text: string): number {
  const ms = durationMs(text, 's|m|h|d')
  if (ms === undefined) throw new Refusal(400, `invalid ${name} header: ${text} is not a duration`)
  return ms
}

export type Failure = {
  /** How often the message had been retried when it failed. */
  retried: number
  expression: string | undefined
  /** Of the destination's answer. */
  headers: Record<string, string[]>
  nowMs: number
}

/**
 * Milliseconds from a failed attempt to the next one.
 *
 * The destination's own wish comes first, unless it is more than a day away; then the message's
 * expression; then e^(2.5 n) whole seconds for the n-th retry. Never more than a day.
 */
export function retryDelayMs(failure: Failure): number {
  const wished = wishMs(failure)
  if (wished !== undefined && wished <= DAY_MS) return wished
  if (failure.expression === undefined) return backoffMs(failure.retried + 1)
  const delay = Math.round(parseRetryDelay(failure.expression)(failure.retried))
  return Number.isNaN(delay) ? backoffMs(failure.retried + 1) : clamp(delay)
}

const backoffMs = (retry: number) => clamp(Math.floor(Math.exp(2.5 * retry)) * 1000)

const clamp = (ms: number) => Math.min(DAY_MS, Math.max(0, ms))

const WISHES = [
  'Retry-After',
  'X-Ratelimit-Reset',
  'X-Ratelimit-Reset-Requests',
  'X-Ratelimit-Reset-Tokens',
]

function wishMs({ headers, nowMs }: Failure): number | undefined {
  for (const name of WISHES) {
    const value = headers[name]?.[0]
    if (value !== undefined) return readWishMs(value.trim(), nowMs)
  }
  return undefined
}

function readWishMs(value: string, nowMs: number): number | undefined {
  if (/^\d+(\.\d+)?$/.test(value)) return Math.round(Number(value) * 1000)
  const duration = durationMs(value, 'ns|us|µs|ms|s|m|h')
  if (duration !== undefined) return duration
  const date = Date.parse(value)
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs)
}
