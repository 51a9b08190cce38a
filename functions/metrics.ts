import { Hono } from 'hono'
import { sha256 } from '../shared/domain/digest.ts'
import { problem } from '../shared/domain/problem.ts'
import type { Deps } from './deps.ts'
import { type PayosEnv, refuse } from './http.ts'

type MetricsDeps = Pick<Deps, 'meter' | 'metricsToken'>

/** What each family counts, in the order they are shown. */
const families: Record<string, { type: 'counter' | 'histogram'; help: string }> = {
  payos_requests_total: { type: 'counter', help: 'Requests by route and outcome code.' },
  payos_cache_lookups_total: { type: 'counter', help: 'Looks into each cache tier.' },
  payos_pay_duration_seconds: { type: 'histogram', help: 'Time to answer POST /pay.' },
}

/** `GET /v1/metrics`: counts of all isolates in the Prometheus text format, for the operator. */
export const metrics = ({ meter, metricsToken }: MetricsDeps) =>
  new Hono<PayosEnv>().get('/', async (c) => {
    const given = /^Bearer +(\S+)$/i.exec(c.req.header('authorization') ?? '')?.[1] ?? ''
    if (!(await isSame(given, metricsToken))) return refuse(c, needsToken)

    const counts = await meter.total(c.var.trips)
    if (!counts) return refuse(c, noCounts)
    return c.body(render(counts), 200, { 'Content-Type': 'text/plain; version=0.0.4' })
  })

/** Compares in a time that does not depend on where two secrets differ. */
async function isSame(a: string, b: string): Promise<boolean> {
  const [left, right] = [await sha256(a), await sha256(b)]
  return left.reduce((difference, byte, at) => difference | (byte ^ (right[at] ?? 0)), 0) === 0
}

/** Only families of the table are shown, so that nothing stored by another hand gets in. */
function render(counts: ReadonlyMap<string, number>): string {
  const lines = Object.entries(families).flatMap(([family, { type, help }]) => [
    `# HELP ${family} ${help}`,
    `# TYPE ${family} ${type}`,
    ...[...counts]
      .filter(([name]) => name.startsWith(family))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, count]) => `${name} ${count}`),
    ...(type === 'histogram' ? [`${family}_sum ${sumOf(counts)}`] : []),
  ])
  return `${[...lines, ...ratios(counts)].join('\n')}\n`
}

const sumOf = (counts: ReadonlyMap<string, number>) =>
  (counts.get('payos_pay_duration_milliseconds_sum') ?? 0) / 1_000

/** The rates an operator watches first, ready to read: of all requests since the counts began. */
function ratios(counts: ReadonlyMap<string, number>): string[] {
  const sum = (matches: (name: string) => boolean) =>
    [...counts].reduce((total, [name, count]) => total + (matches(name) ? count : 0), 0)
  const ratio = (part: number, whole: number) => (whole === 0 ? 1 : part / whole)

  const payments = sum((name) => name.startsWith('payos_requests_total{route="pay"'))
  const broken = sum((name) =>
    /^payos_requests_total\{route="pay",code="(dependency_unavailable|outcome_unknown|wallet_busy|internal)"/.test(
      name,
    ),
  )
  const lookups = sum((name) => name.startsWith('payos_cache_lookups_total'))
  const hits = sum((name) => /^payos_cache_lookups_total.*result="hit"/.test(name))
  return [
    '# HELP payos_settlement_success_ratio Payments answered by a decision, of all asked for.',
    '# TYPE payos_settlement_success_ratio gauge',
    `payos_settlement_success_ratio ${ratio(payments - broken, payments)}`,
    '# HELP payos_cache_hit_ratio Hits of all looks into any cache tier.',
    '# TYPE payos_cache_hit_ratio gauge',
    `payos_cache_hit_ratio ${ratio(hits, lookups)}`,
  ]
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
