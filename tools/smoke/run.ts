import { cross, dim, table, tick } from '../cli/output.ts'
import {
  checkKeySet,
  checkMetrics,
  checkPay,
  checkProof,
  checkQuote,
  checkStatus,
  type PublishedKey,
  type Quote,
} from './checks.ts'
import { orderOf } from './order.ts'
import type { Payer, Site } from './site.ts'

export type Check = {
  name: string
  result: 'passed' | 'failed' | 'skipped'
  detail: string
  ms: number
}

type Step<Value> = { name: string; run: () => Promise<Value>; tell: (value: Value) => string }

/**
 * Looks at an edge from outside, as agents, providers and operators do, and tells all it saw.
 * One check that fails does not keep the others from running, unless they build on it.
 */
export async function runSmoke(site: Site): Promise<Check[]> {
  const checks: Check[] = []
  const step = stepper(checks)
  await step({ name: 'health', run: () => checkStatus(site, '/health', 'ok'), tell: none })
  await step({
    name: 'ready',
    run: () => checkStatus(site, '/ready', 'ready'),
    tell: () => 'the ledger answers and a proof key signs',
  })
  const keys = await step({
    name: 'key set',
    run: () => checkKeySet(site),
    tell: (found) => `${found.length} public keys, no private member`,
  })
  await payOnce(site, keys, checks)
  if (site.metricsToken === undefined) checks.push(skipped('metrics', 'no METRICS_TOKEN'))
  else {
    const tell = () => 'closed without the token, open with it'
    await step({ name: 'metrics', run: () => checkMetrics(site), tell })
  }
  return checks
}

const none = () => ''

const skipped = (name: string, detail: string): Check => ({
  name,
  result: 'skipped',
  detail,
  ms: 0,
})

/** One test payment: quote, pay, check the proof by itself, pay again for nothing. */
async function payOnce(
  site: Site,
  keys: PublishedKey[] | undefined,
  checks: Check[],
): Promise<void> {
  const { payer } = site
  if (!payer) {
    for (const name of paySteps) checks.push(skipped(name, 'no test agent given'))
    return
  }
  const step = stepper(checks)
  const quote = await step({
    name: 'quote',
    run: () => checkQuote(site, payer.endpointId),
    tell: ({ price, currency, method, resource }) =>
      `${price} ${currency} for ${method} ${resource}`,
  })
  if (quote) await payTwice({ site, payer, quote, keys: keys ?? [] }, checks)
  const done = new Set(checks.map(({ name }) => name))
  for (const name of paySteps) {
    if (!done.has(name)) checks.push(skipped(name, 'builds on what failed'))
  }
}

const paySteps = ['quote', 'pay', 'proof', 'replay']

type Purchase = { site: Site; payer: Payer; quote: Quote; keys: PublishedKey[] }

async function payTwice({ site, payer, quote, keys }: Purchase, checks: Check[]): Promise<void> {
  const step = stepper(checks)
  const body = await orderOf(site, payer, quote)
  const paid = await step({
    name: 'pay',
    run: () => checkPay(site, body, { replayed: false }),
    tell: ({ paymentId }) => `payment ${paymentId}`,
  })
  if (!paid) return
  await step({
    name: 'proof',
    run: () => checkProof(paid.proof, { site, keys, quote }),
    tell: (signer) => `good for its provider, ${signer}`,
  })
  await step({
    name: 'replay',
    run: async () => {
      const again = await checkPay(site, body, { replayed: true })
      if (again.paymentId !== paid.paymentId) throw new Error(`another payment ${again.paymentId}`)
    },
    tell: () => 'the same payment, charged once',
  })
}

/** Runs one check, times it and writes down what came of it; answers nothing when it failed. */
const stepper =
  (checks: Check[]) =>
  async <Value>({ name, run, tell }: Step<Value>): Promise<Value | undefined> => {
    const started = performance.now()
    const note = (result: Check['result'], detail: string) =>
      checks.push({ name, result, detail, ms: Math.round(performance.now() - started) })
    try {
      const value = await run()
      note('passed', tell(value))
      return value
    } catch (cause) {
      note('failed', cause instanceof Error ? cause.message : String(cause))
      return undefined
    }
  }

const signs = { passed: tick, failed: cross, skipped: () => dim('–') }

export const smokeTable = (checks: readonly Check[]): string =>
  table(
    checks.map(({ name, result, detail, ms }) => [
      signs[result](),
      name,
      result === 'skipped' ? '' : `${ms} ms`,
      detail,
    ]),
  )

export const hasFailed = (checks: readonly Check[]): boolean =>
  checks.some(({ result }) => result === 'failed')
