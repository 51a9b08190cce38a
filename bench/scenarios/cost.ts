import type { Sql } from 'postgres'
import { facilitators, prices } from '../cost/prices.ts'
import { drive } from '../measure/drive.ts'
import { cpuMsOf } from '../measure/process.ts'
import type { Figure, Scenario } from '../scenario.ts'
import { assertBooks } from '../world/databases.ts'
import { type Edge, openEdge } from '../world/edge.ts'
import { orders } from '../world/payers.ts'

const MILLION = 1e6
/** What the comparison pays each time, in USD. */
const PAYMENT_USD = 0.001

/** What a payment uses of everything that is billed, and what a million of them cost. */
export const cost: Scenario = {
  name: 'cost',
  title: 'What a payment uses, and what a million cost at list prices',
  async run(bench) {
    await using edge = await openEdge(bench, {
      population: { agents: 16, wallets: bench.pick(200, 5000), providers: 1 },
    })
    const count = bench.pick(300, 8000)
    const next = orders(edge.parties)
    const before = await usage(edge)
    const run = async () => void (await edge.pay(next()))
    await drive({ clients: 4, count, run })
    await edge.sql`select api.roll_up_x402_credits(1000000)`
    const after = await usage(edge)
    await assertBooks(edge, count)

    const used = Object.fromEntries(
      (Object.keys(after) as (keyof Usage)[]).map((name) => [
        name,
        (after[name] - before[name]) / count,
      ]),
    ) as Usage
    return [...usageFigures(used, count), ...bill(used, count)]
  },
}

type Usage = {
  cpuMs: number
  redisCommands: number
  databaseMs: number
  storedBytes: number
  walBytes: number
}

async function usage({ payos, sql }: Edge): Promise<Usage> {
  return {
    cpuMs: (await cpuMsOf(payos.edges.pids())) ?? Number.NaN,
    redisCommands: payos.redis.trips.reduce((sum, trip) => sum + commandsIn(trip.subject), 0),
    databaseMs: (await cpuMsOf(await gatewaySessions(sql))) ?? Number.NaN,
    ...(await bytes(sql)),
  }
}

/** A pipeline's subject names each of its commands. */
const commandsIn = (subject: string): number => subject.split('; ').length

async function gatewaySessions(sql: Sql): Promise<number[]> {
  const rows = await sql`
    select pid from pg_stat_activity
    where usename = 'authenticator' and datname = current_database()`
  return rows.map((row) => row['pid'])
}

async function bytes(sql: Sql): Promise<{ storedBytes: number; walBytes: number }> {
  const [row] = await sql`
    select pg_total_relation_size('ledger.payments')::float8 as stored,
      pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8 as wal`
  return { storedBytes: row?.['stored'], walBytes: row?.['wal'] }
}

const about = (count: number) => ({
  n: count,
  method: `${count} payments, 4 clients; what was counted, divided`,
  asserted: 'every payment settled; books balance',
})

const flat = (value: number) => ({ value, spread: [value, value] as [number, number] })

function usageFigures(used: Usage, count: number): Figure[] {
  const figures: (Pick<Figure, 'name' | 'title' | 'unit'> & { value: number })[] = [
    {
      name: 'cost/cpu',
      title: 'CPU at the edge a payment, runtime included',
      unit: 'ms',
      value: used.cpuMs,
    },
    {
      name: 'cost/redis',
      title: 'Redis commands a payment',
      unit: 'commands',
      value: used.redisCommands,
    },
    {
      name: 'cost/database',
      title: "CPU of the database's sessions a payment",
      unit: 'ms',
      value: used.databaseMs,
    },
    {
      name: 'cost/stored',
      title: 'Bytes stored a payment, indexes included',
      unit: 'bytes',
      value: used.storedBytes,
    },
    {
      name: 'cost/wal',
      title: 'Bytes of write-ahead log a payment',
      unit: 'bytes',
      value: used.walBytes,
    },
  ]
  return figures
    .filter(({ value }) => !Number.isNaN(value))
    .map((figure) => ({ ...about(count), ...figure, ...flat(figure.value) }))
}

/** Per million payments, each part a figure of its own, and what others ask for the same. */
function bill(used: Usage, count: number): Figure[] {
  const parts = [
    { name: 'requests', title: 'Worker requests', each: prices.workerRequest.usd },
    { name: 'cpu', title: 'Worker CPU', each: used.cpuMs * prices.workerCpuMs.usd },
    {
      name: 'redis',
      title: 'Redis commands',
      each: used.redisCommands * prices.redisCommand.usd,
    },
    { name: 'database', title: 'Database CPU', each: used.databaseMs * prices.databaseCpuMs.usd },
    {
      name: 'storage',
      title: 'Storage for a year',
      each: used.storedBytes * prices.databaseByte.usd,
    },
  ].filter(({ each }) => !Number.isNaN(each))
  const million = {
    ...about(count),
    unit: 'USD' as const,
    asserted: 'arithmetic on what was counted',
  }
  return [
    ...parts.map(({ name, title, each }) => ({
      ...million,
      name: `cost/million-${name}`,
      title: `${title}, a million payments`,
      method: 'counted × list price',
      ...flat(each * MILLION),
    })),
    {
      ...million,
      name: 'cost/million',
      title: 'PayOS, a million payments',
      method: 'the sum of the parts; without fixed monthly fees and free allowances',
      ...flat(parts.reduce((sum, { each }) => sum + each, 0) * MILLION),
    },
    ...facilitators.map(({ name, usdOf, terms }) => ({
      ...million,
      n: 1,
      name: `cost/other-${name.toLowerCase().replaceAll(' ', '-')}`,
      title: `${name}, a million payments of ${PAYMENT_USD} USD`,
      method: terms,
      ...flat(usdOf(PAYMENT_USD) * MILLION),
    })),
  ]
}
