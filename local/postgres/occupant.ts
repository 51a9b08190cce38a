import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import connect from 'postgres'
import { isRunning } from './processes.ts'
import { stopProcess } from './server.ts'

/** A data directory that another running PayOS serves already, at `port`. */
export class PostgresInUse extends Error {
  readonly port: number
  constructor(data: string, server: { pid: number; port: number }) {
    super(`${data} is served by process ${server.pid} on port ${server.port}: stop that first`)
    this.name = 'PostgresInUse'
    this.port = server.port
  }
}

/**
 * Clears what an earlier server left in `data`: its lock file, or the server itself when the
 * keeper that should have ended it is gone too.
 *
 * @throws PostgresInUse when the server there is somebody's
 */
export async function clearOccupant(data: string): Promise<void> {
  const lock = join(data, 'postmaster.pid')
  const lines = (await readFile(lock, 'utf8').catch(() => '')).split('\n')
  const [pid, port] = [Number(lines[0]), Number(lines[3])]
  if (!(pid > 0 && isRunning(pid))) return
  const keeper = await askForKeeper(data, port)
  // Another process has the number now. Postgres itself still refuses a directory in use.
  if (keeper === undefined) return rm(lock)
  if (isRunning(keeper)) throw new PostgresInUse(data, { pid, port })
  await stopProcess(pid)
}

/** The keeper of the server that has `data` open at `port`; nothing when no such server answers. */
async function askForKeeper(data: string, port: number): Promise<number | undefined> {
  if (!(port > 0)) return undefined
  const sql = connect({ host: '127.0.0.1', port, user: 'postgres', max: 1, connect_timeout: 2 })
  try {
    for (let attempt = 0; attempt < 100; attempt++) {
      const answer = await sql<{ data: string; keeper: string }[]>`
        select current_setting('data_directory') as data,
               coalesce(current_setting('payos.keeper', true), '0') as keeper
      `.catch((cause: { code?: string }) => cause.code)
      // 57P03: it is starting up or recovering.
      if (answer !== '57P03') return keeperIn(answer, data)
      await pause(100)
    }
    return undefined
  } finally {
    await sql.end({ timeout: 1 })
  }
}

function keeperIn(
  answer: string | undefined | readonly { data: string; keeper: string }[],
  data: string,
): number | undefined {
  if (!Array.isArray(answer)) return undefined
  const row = answer[0]
  return row?.data === data ? Number(row?.keeper) : undefined
}
