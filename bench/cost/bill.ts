import type { Figure } from '../scenario.ts'
import { facilitators, prices } from './prices.ts'
import type { Usage } from './usage.ts'

const MILLION = 1e6
/** What the comparison pays each time, in USD. */
const PAYMENT_USD = 0.001

/** A way to pay whose use was measured; its figures begin with `prefix`. */
export type Billed = { prefix: string; title: string; used: Usage; about: About }
type About = Pick<Figure, 'n' | 'method' | 'asserted'>

const flat = (value: number) => ({ value, spread: [value, value] as [number, number] })

/** What was counted, a payment; messages and commands a thousand. */
export function usageFigures({ prefix, title, used, about }: Billed): Figure[] {
  const rows: (Pick<Figure, 'name' | 'title' | 'unit'> & { value: number })[] = [
    { name: 'cpu', title: 'CPU at the edge a payment', unit: 'ms', value: used.cpuMs },
    {
      name: 'redis-1000',
      title: 'Redis commands, 1,000 payments',
      unit: 'commands',
      value: 1000 * used.redisCommands,
    },
    {
      name: 'qstash-1000',
      title: 'QStash messages, 1,000 payments',
      unit: 'messages',
      value: 1000 * used.messages,
    },
    {
      name: 'database',
      title: "CPU of the database's sessions a payment",
      unit: 'ms',
      value: used.databaseMs,
    },
    { name: 'stored', title: 'Bytes stored a payment', unit: 'bytes', value: used.storedBytes },
    {
      name: 'wal',
      title: 'Bytes of write-ahead log a payment',
      unit: 'bytes',
      value: used.walBytes,
    },
  ]
  return rows
    .filter(({ value }) => !Number.isNaN(value))
    .map((row) => ({
      ...about,
      ...row,
      name: `cost/${prefix}${row.name}`,
      title: `${title}: ${row.title}`,
      ...flat(row.value),
    }))
}

/** A million payments at list prices: each part a figure of its own, and their sum. */
export function bill({ prefix, title, used, about }: Billed): Figure[] {
  const parts = [
    // Each message comes back to the edge as a request.
    { name: 'requests', what: 'Worker requests', each: requestUsd * (1 + used.messages) },
    { name: 'worker-cpu', what: 'Worker CPU', each: used.cpuMs * prices.workerCpuMs.usd },
    {
      name: 'commands',
      what: 'Redis commands',
      each: used.redisCommands * prices.redisCommand.usd,
    },
    { name: 'messages', what: 'QStash messages', each: used.messages * prices.qstashMessage.usd },
    {
      name: 'database-cpu',
      what: 'database CPU',
      each: used.databaseMs * prices.databaseCpuMs.usd,
    },
    {
      name: 'storage',
      what: 'storage for a year',
      each: used.storedBytes * prices.databaseByte.usd,
    },
  ].filter(({ each }) => !Number.isNaN(each))
  const million = { ...about, unit: 'USD' as const, asserted: ARITHMETIC }
  return [
    ...parts.map(({ name, what, each }) => ({
      ...million,
      name: `cost/${prefix}million-${name}`,
      title: `${title}: ${what}, a million payments`,
      method: 'counted × list price',
      ...flat(each * MILLION),
    })),
    {
      ...million,
      name: `cost/${prefix}million`,
      title: `${title}: a million payments`,
      method: 'the sum of the parts; without fixed monthly fees and free allowances',
      ...flat(parts.reduce((sum, { each }) => sum + each, 0) * MILLION),
    },
  ]
}

const requestUsd = prices.workerRequest.usd
const ARITHMETIC = 'arithmetic on what was counted'

/** What others ask for the same. */
export const othersFigures = (): Figure[] =>
  facilitators.map(({ name, usdOf, terms }) => ({
    unit: 'USD' as const,
    n: 1,
    asserted: ARITHMETIC,
    name: `cost/other-${name.toLowerCase().replaceAll(' ', '-')}`,
    title: `${name}, a million payments of ${PAYMENT_USD} USD`,
    method: terms,
    ...flat(usdOf(PAYMENT_USD) * MILLION),
  }))
