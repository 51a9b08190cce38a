import type { Sql } from 'postgres'
import { cpuMsOf } from '../measure/process.ts'
import type { Edge } from '../world/edge.ts'

/** What payments use of everything that is billed; NaN where this machine does not tell. */
export type Usage = {
  cpuMs: number
  /** Scripts and the commands they run count alike. */
  redisCommands: number
  /** QStash bills each delivery it tries. */
  messages: number
  databaseMs: number
  storedBytes: number
  walBytes: number
}

/** What `run` uses for each of its `payments`, by the logs of the stand-ins and the system's counts. */
export async function usageOf(
  edge: Edge,
  payments: number,
  run: () => Promise<void>,
): Promise<Usage> {
  const before = await usedSoFar(edge)
  await run()
  await edge.sql`select api.roll_up_x402_credits(1000000)`
  const after = await usedSoFar(edge)
  const each = (name: keyof Usage) => (after[name] - before[name]) / payments
  return {
    cpuMs: each('cpuMs'),
    redisCommands: each('redisCommands'),
    messages: each('messages'),
    databaseMs: each('databaseMs'),
    storedBytes: each('storedBytes'),
    walBytes: each('walBytes'),
  }
}

async function usedSoFar({ payos, sql }: Edge): Promise<Usage> {
  return {
    cpuMs: (await cpuMsOf(payos.edges.pids())) ?? Number.NaN,
    redisCommands: redisCommands(payos.redis),
    messages: await deliveries(payos.qstash),
    databaseMs: (await cpuMsOf(await gatewaySessions(sql))) ?? Number.NaN,
    ...(await bytes(sql)),
  }
}

/** A pipeline's subject names each of its commands; those of scripts are counted as they run. */
const redisCommands = ({ trips, commandsInScripts }: Edge['payos']['redis']): number =>
  trips.reduce((sum, { subject }) => sum + subject.split('; ').length, commandsInScripts())

/** Every delivery that was tried, by QStash's own log. */
async function deliveries({ url, token }: Edge['payos']['qstash']): Promise<number> {
  let count = 0
  for (let cursor: string | undefined = '0'; cursor !== undefined; ) {
    const page: Response = await fetch(`${url}/v2/logs?state=ACTIVE&count=100&cursor=${cursor}`, {
      headers: { authorization: `Bearer ${token}` },
    })
    const { logs, cursor: next } = (await page.json()) as { logs: unknown[]; cursor?: string }
    count += logs.length
    cursor = next
  }
  return count
}

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
