import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import connect from 'postgres'
import type { Account } from '../../local/postgres/account.ts'

export type Holder = { process: ChildProcess; url: string; release: () => Promise<void> }

const PROGRAM = fileURLToPath(new URL('hold-postgres.ts', import.meta.url))

/** Starts a Node process of its own that starts a Postgres; see `hold-postgres.ts`. */
export async function holdPostgres(
  options: { dataDir?: string; account?: Account | undefined; tmp?: string } = {},
): Promise<Holder> {
  const args = options.dataDir === undefined ? [PROGRAM] : [PROGRAM, options.dataDir]
  const child = spawn(process.execPath, args, {
    ...options.account,
    env: { ...process.env, ...(options.tmp === undefined ? {} : { TMPDIR: options.tmp }) },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const exit = once(child, 'exit')
  let complaint = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint += text
  })
  const ended = exit.then(() => Promise.reject(new Error(`no Postgres:\n${complaint}`)))
  const lines = createInterface({ input: child.stdout })
  const [url]: string[] = await Promise.race([once(lines, 'line'), ended])
  ended.catch(() => {})
  return {
    process: child,
    url: url ?? '',
    async release() {
      child.stdin.end()
      await exit
    },
  }
}

export type Inside = { postmaster: number; keeper: number; pids: number[]; data: string }

/** The processes behind a server and its data directory, as the server itself tells. */
export async function lookInside(url: string): Promise<Inside> {
  const sql = connect(url, { max: 1 })
  const [row] = await sql<Inside[]>`
    select split_part(pg_read_file('postmaster.pid'), E'\n', 1)::int as postmaster,
           current_setting('payos.keeper')::int as keeper,
           (select array_agg(pid) from pg_stat_activity) as pids,
           current_setting('data_directory') as data
  `
  await sql.end()
  if (!row) throw new Error(`no answer from ${url}`)
  return { ...row, pids: [row.postmaster, row.keeper, ...row.pids] }
}

/** The rows that one statement answers. */
export async function ask<Row extends object>(url: string, text: string): Promise<Row[]> {
  const sql = connect(url, { max: 1, onnotice: () => {} })
  try {
    const rows: Row[] = await sql.unsafe<Row[]>(text)
    return rows.map((row) => ({ ...row }))
  } finally {
    await sql.end()
  }
}
