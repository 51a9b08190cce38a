import { Hono } from 'hono'
import { sha256 } from '../shared/domain/digest.ts'
import { problem } from '../shared/domain/problem.ts'
import type { Deps } from './deps.ts'
import { oldestOf } from './drain.ts'
import { type PayosEnv, refuse } from './http.ts'
import { BUCKETS } from './meter.ts'

type MetricsDeps = Pick<Deps, 'clock' | 'meter' | 'metricsToken' | 'regions'>

/** The counters that are shown. Whatever else lies in the store is not. */
const counters = [
  {
    name: 'payos_requests_total',
    help: 'Requests by route and outcome code.',
    labels: /^\{route="[a-z_]+",code="[a-z_]+"\}$/,
  },
  {
    name: 'payos_cache_lookups_total',
    help: 'Looks into each cache tier.',
    labels: /^\{tier="[a-z_]+",result="(hit|miss)"\}$/,
  },
  {
    name: 'payos_refusals_total',
    help: 'Leases, promises from leases, and presented proofs that were refused, by reason.',
    labels: /^\{what="[a-z]+",reason="[a-z_]+"\}$/,
  },
]

type Counts = ReadonlyMap<string, number>

/** `GET /v1/metrics`: counts of all isolates in the Prometheus text format, for the operator. */
export const metrics = (deps: MetricsDeps) =>
  new Hono<PayosEnv>().get('/', async (c) => {
    const given = /^Bearer +(\S+)$/i.exec(c.req.header('authorization') ?? '')?.[1] ?? ''
    if (!(await isSame(given, deps.metricsToken))) return refuse(c, needsToken)

    const [counts, waiting] = await Promise.all([deps.meter.total(c.var.trips), promises(deps)])
    if (!counts) return refuse(c, noCounts)
    return c.body(render(counts) + waiting, 200, { 'Content-Type': 'text/plain; version=0.0.4' })
  })

/** Compares in a time that does not depend on where two secrets differ. */
async function isSame(a: string, b: string): Promise<boolean> {
  const [left, right] = [await sha256(a), await sha256(b)]
  return left.reduce((difference, byte, at) => difference | (byte ^ (right[at] ?? 0)), 0) === 0
}

const render = (counts: Counts): string =>
  text([
    ...counters.flatMap((family) => counter(counts, family)),
    ...duration(counts),
    ...ratios(counts),
  ])

const text = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join('')

const head = (name: string, type: string, help: string) => [
  `# HELP ${name} ${help}`,
  `# TYPE ${name} ${type}`,
]

function counter(counts: Counts, { name, help, labels }: (typeof counters)[number]): string[] {
  const lines = [...counts]
    .filter(([series]) => series.startsWith(name) && labels.test(series.slice(name.length)))
    .map(([series, count]) => `${series} ${count}`)
  return [...head(name, 'counter', help), ...lines.sort()]
}

/** The histogram whole, empty buckets too: a scraper wants them rising, up to the count. */
function duration(counts: Counts): string[] {
  const name = 'payos_pay_duration_seconds'
  const of = (part: string) => counts.get(`${name}_${part}`) ?? 0
  const milliseconds = counts.get('payos_pay_duration_milliseconds_sum') ?? 0
  const bounds = [...BUCKETS.map((bound) => `${bound / 1_000}`), '+Inf']
  const buckets = bounds.map((le) => `bucket{le="${le}"}`)
  return [
    ...head(name, 'histogram', 'Time to answer POST /pay.'),
    ...buckets.map((bucket) => `${name}_${bucket} ${of(bucket)}`),
    `${name}_sum ${milliseconds / 1_000}`,
    `${name}_count ${of('count')}`,
  ]
}

/** Outcomes of a payment that are no decision: these are what an operator is woken for. */
const broken =
  /^payos_requests_total\{route="pay",code="(dependency_unavailable|outcome_unknown|wallet_busy|internal)"/

/** The rates an operator watches first, ready to read: of all requests since the counts began. */
function ratios(counts: Counts): string[] {
  const sum = (series: RegExp) =>
    [...counts].reduce((total, [name, count]) => total + (series.test(name) ? count : 0), 0)
  const ratio = (part: number, whole: number) => (whole === 0 ? 1 : part / whole)
  const [payments, lookups] = [sum(/^payos_requests_total\{route="pay"/), sum(/^payos_cache_/)]

  const success = 'payos_settlement_success_ratio'
  const hits = 'payos_cache_hit_ratio'
  return [
    ...head(success, 'gauge', 'Payments answered by a decision, of all asked for.'),
    `${success} ${ratio(payments - sum(broken), payments)}`,
    ...head(hits, 'gauge', 'Hits of all looks into any cache tier.'),
    `${hits} ${ratio(sum(/^payos_cache_.*result="hit"/), lookups)}`,
  ]
}

/** What waits to be settled in each region that answers, as it is now. */
async function promises({ clock, regions }: MetricsDeps): Promise<string> {
  const surveyed = regions.map(async ({ name, leases }) => {
    const shards = await leases.survey().catch(() => undefined)
    if (!shards) return []
    const nowSeconds = clock.nowSeconds()
    const count = shards.reduce((sum, it) => sum + it.count, 0)
    const seconds = nowSeconds - oldestOf(shards, nowSeconds)
    return [{ labels: `{region="${name}"}`, count, seconds }]
  })
  const told = (await Promise.all(surveyed)).flat()
  const [waiting, age] = ['payos_promises_waiting', 'payos_promises_oldest_seconds']
  return text([
    ...head(waiting, 'gauge', 'Promises that wait to be settled.'),
    ...told.map(({ labels, count }) => `${waiting}${labels} ${count}`),
    ...head(age, 'gauge', 'For how long the oldest of them has waited.'),
    ...told.map(({ labels, seconds }) => `${age}${labels} ${seconds}`),
  ])
}

const needsToken = problem('key_invalid', {
  detail: 'Metrics are for the operator.',
  hint: 'Send the metrics token as "Authorization: Bearer …".',
})

const noCounts = problem('dependency_unavailable', {
  detail: 'The counters cannot be read now.',
  hint: 'Repeat the same request.',
  retryAfterMs: 5_000,
})
