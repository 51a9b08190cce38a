import { parseRetryDelay } from './expression.ts'
import { notDone, Refusal } from './refusal.ts'
import { headerDurationMs } from './retry.ts'

/** What the headers of a publish ask for. */
export type Plan = {
  method: string
  /** Sent to the destination: the forwarded ones and the content type. */
  headers: Record<string, string>
  maxRetries: number
  retryDelay: string | undefined
  timeoutMs: number
  delayMs: number
  /** Unix milliseconds; wins over the delay. */
  notBefore: number | undefined
  deduplicationId: string | undefined
  deduplicateContent: boolean
  callback: Followup | undefined
  failureCallback: Followup | undefined
  flow: Flow | undefined
  labels: string[]
  /** The headers this was read from, to publish the same again. */
  given: Record<string, string>
}

/** A message about the outcome of another one: where it goes, and its own publish headers. */
export type Followup = { url: string; given: Record<string, string> }

export type Flow = {
  key: string
  parallelism: number | undefined
  rate: number | undefined
  periodMs: number
}

const DEFAULTS = { retries: '3', timeout: '15m' }

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']

const KNOWN = new Set([
  'method',
  'delay',
  'not-before',
  'retries',
  'retry-delay',
  'timeout',
  'deduplication-id',
  'content-based-deduplication',
  'callback',
  'failure-callback',
  'flow-control-key',
  'flow-control-value',
  'label',
  'telemetry-sdk',
  'telemetry-platform',
  'telemetry-runtime',
])

const PREFIXES = ['forward-', 'callback-', 'failure-callback-']

/** Reads publish headers (names in lower case); refuses a bad one, and one it would have to ignore. */
export function planOf(headers: Record<string, string>): Plan {
  const given = publishHeaders(headers)
  const header = (name: string) => given[`upstash-${name}`]
  const method = (header('method') ?? 'POST').toUpperCase()
  if (!METHODS.includes(method)) throw new Refusal(400, `invalid method: ${method}`)
  const retryDelay = header('retry-delay')
  if (retryDelay !== undefined) parseRetryDelay(retryDelay)
  return {
    method,
    headers: forwarded(given),
    maxRetries: wholeNumber('Upstash-Retries', header('retries') ?? DEFAULTS.retries),
    retryDelay,
    timeoutMs: headerDurationMs('Upstash-Timeout', header('timeout') ?? DEFAULTS.timeout),
    delayMs: headerDurationMs('Upstash-Delay', header('delay') ?? '0s'),
    notBefore: secondsMs(header('not-before')),
    deduplicationId: header('deduplication-id'),
    deduplicateContent: header('content-based-deduplication') === 'true',
    callback: followupOf(given, 'callback'),
    failureCallback: followupOf(given, 'failure-callback'),
    flow: flowOf(header('flow-control-key'), header('flow-control-value')),
    labels: (header('label') ?? '').split(',').filter((label) => label !== ''),
    given,
  }
}

/** Publish headers without those that concern one publish only: when it is due, and its identity. */
export function repeatable(given: Record<string, string>): Record<string, string> {
  const once = ['delay', 'not-before', 'deduplication-id', 'content-based-deduplication']
  return Object.fromEntries(
    Object.entries(given).filter(([name]) => !once.includes(name.slice('upstash-'.length))),
  )
}

/** The headers that belong to a publish, all others (its authorization) left out. */
export function publishHeaders(headers: Record<string, string>): Record<string, string> {
  const given: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    if (name === 'content-type') given[name] = value
    if (!name.startsWith('upstash-')) continue
    const option = name.slice('upstash-'.length)
    const known = KNOWN.has(option) || PREFIXES.some((prefix) => option.startsWith(prefix))
    if (!known) throw notDone(`the header ${name}`)
    given[name] = value
  }
  return given
}

/** Accepts an http(s) URL and keeps it as it was written. */
export function destinationUrl(text: string): string {
  if (!/^https?:\/\//i.test(text)) {
    throw new Refusal(
      400,
      'invalid destination url: endpoint has invalid scheme, add http:// or https://',
    )
  }
  if (!URL.canParse(text)) throw new Refusal(400, `invalid destination url: ${text}`)
  return text
}

function forwarded(given: Record<string, string>): Record<string, string> {
  const prefix = 'upstash-forward-'
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(given)) {
    if (name === 'content-type') headers[name] = value
    if (name.startsWith(prefix)) headers[name.slice(prefix.length)] = value
  }
  return headers
}

function followupOf(given: Record<string, string>, kind: string): Followup | undefined {
  const url = given[`upstash-${kind}`]
  if (url === undefined) return undefined
  const prefix = `upstash-${kind}-`
  const own = Object.entries(given)
    .filter(([name]) => name.startsWith(prefix))
    .map(([name, value]) => [`upstash-${name.slice(prefix.length)}`, value] as const)
  const followup = {
    'content-type': 'application/json',
    'upstash-retries': given['upstash-retries'] ?? DEFAULTS.retries,
    ...Object.fromEntries(own),
  }
  planOf(followup)
  return { url: destinationUrl(url), given: followup }
}

function flowOf(key: string | undefined, value: string | undefined): Flow | undefined {
  if (key === undefined && value === undefined) return undefined
  if (!key || !value) throw new Refusal(400, 'flow control needs both its key and its value')
  const parts = new Map(
    value.split(',').map((part) => part.trim().split('=', 2) as [string, string]),
  )
  const limit = (name: string) => {
    const text = parts.get(name)
    return text === undefined ? undefined : wholeNumber(`flow control ${name}`, text, 1)
  }
  const flow = { key, parallelism: limit('parallelism'), rate: limit('rate') }
  if (flow.parallelism === undefined && flow.rate === undefined) {
    throw new Refusal(400, 'flow control needs a parallelism or a rate')
  }
  const periodMs = headerDurationMs('flow control period', parts.get('period') ?? '1s')
  return { ...flow, periodMs }
}

function secondsMs(text: string | undefined): number | undefined {
  return text === undefined ? undefined : wholeNumber('Upstash-Not-Before', text) * 1000
}

function wholeNumber(name: string, text: string, least = 0): number {
  if (!/^\d{1,15}$/.test(text) || Number(text) < least) {
    throw new Refusal(400, `invalid ${name}: ${text} is not a whole number from ${least}`)
  }
  return Number(text)
}
