import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { open, readFile, stat } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Account } from './account.ts'
import type { Binaries } from './binaries.ts'
import { childrenOf, isRunning, signal, waitUntilGone } from './processes.ts'

/** What a server is started from; `data` exists and is initialised. */
export type Cluster = {
  binaries: Binaries
  account: Account | undefined
  data: string
  log: string
  keeper: Keeper
}

export type Keeper = { pid: number; watch(server: number): void; dismiss(): void }

export type Server = {
  port: number
  isRunning(): boolean
  stop(): Promise<void>
  kill(): Promise<void>
}

/** Why a start failed, as far as the next attempt could know better. */
export type Obstacle = 'port taken' | 'old children alive' | 'in use' | 'other'

export class StartFailure extends Error {
  readonly obstacle: Obstacle
  constructor(log: string) {
    super(`Postgres did not start:\n${log.trim().split('\n').slice(-15).join('\n')}`)
    this.name = 'StartFailure'
    this.obstacle = obstacleIn(log)
  }
}

/** Fit for two cores and a few hundred megabytes. Commits are durable: no setting weakens them. */
const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '200',
  shared_buffers: '256MB',
  max_wal_size: '2GB',
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
  jit: 'off',
  random_page_cost: '1.1',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_checkpoints: 'off',
  log_line_prefix: '%m [%p] %u@%d ',
}

/** Our settings alone: a caller's PGPORT or PGDATA must not reach the server. */
const ENVIRONMENT = {
  PATH: process.env['PATH'],
  SystemRoot: process.env['SystemRoot'],
  LC_ALL: 'C',
}

const START_MS = 60_000
const STOP_MS = 15_000

/** Creates an empty cluster in `data`, with a superuser `postgres` trusted from this machine. */
export async function initialise(cluster: Omit<Cluster, 'keeper' | 'log'>): Promise<void> {
  const { binaries, account, data } = cluster
  const flags = ['--auth=trust', '--username=postgres', '--encoding=UTF8', '--locale=C']
  const options = { ...account, env: ENVIRONMENT, windowsHide: true, cwd: '/' }
  await promisify(execFile)(
    binaries.initdb,
    [...flags, '--no-sync', '--no-instructions', '-D', data],
    options,
  )
}

/** Starts a process that ends the server once this one is gone; see `keeper.ts`. */
export function startKeeper(temporaryDir: string | undefined): Keeper {
  const script = fileURLToPath(new URL('keeper.ts', import.meta.url))
  const args = temporaryDir === undefined ? [script] : [script, temporaryDir]
  const child = spawn(process.execPath, args, {
    stdio: ['pipe', 'ignore', 'ignore'],
    env: ENVIRONMENT,
    detached: true,
    windowsHide: true,
  })
  child.on('error', () => {})
  child.stdin.on('error', () => {})
  child.unref()
  if ('unref' in child.stdin && typeof child.stdin.unref === 'function') child.stdin.unref()
  return {
    pid: child.pid ?? 0,
    watch: (server) => void child.stdin.write(`${server}\n`),
    dismiss: () => void child.kill('SIGKILL'),
  }
}

/** Starts the server and resolves once it accepts connections. */
export async function launch(cluster: Cluster, port: number): Promise<Server> {
  const { binaries, account, data, keeper } = cluster
  const settings = { ...SETTINGS, port: String(port), 'payos.keeper': String(keeper.pid) }
  const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const log = await open(cluster.log, 'a')
  const from = (await stat(cluster.log)).size
  const child = spawn(binaries.postgres, ['-D', data, ...args], {
    ...account,
    stdio: ['ignore', log.fd, log.fd],
    env: ENVIRONMENT,
    cwd: data,
    // Out of the terminal's process group: Ctrl-C asks us to stop, and we ask Postgres.
    detached: true,
    windowsHide: true,
  })
  const exit = once(child, 'exit')
  exit.catch(() => {})
  keeper.watch(child.pid ?? 0)
  await log.close()
  await untilReady(child, { path: cluster.log, from })
  child.unref()
  const pid = child.pid ?? 0
  const forget = async () => {
    child.ref()
    await exit
    keeper.watch(0)
  }
  return {
    port,
    isRunning: () => !hasEnded(child) && isRunning(pid),
    async stop() {
      await stopProcess(pid)
      await forget()
    },
    async kill() {
      await killFamily(pid)
      await forget()
    },
  }
}

async function untilReady(child: ChildProcess, log: { path: string; from: number }): Promise<void> {
  const deadline = Date.now() + START_MS
  for (;;) {
    const ended = hasEnded(child)
    const text = (await readFile(log.path)).subarray(log.from).toString()
    if (text.includes('ready to accept connections')) return
    if (ended || Date.now() > deadline) {
      if (child.pid !== undefined) signal(child.pid, 'SIGKILL')
      throw new StartFailure(text)
    }
    await pause(5)
  }
}

function hasEnded({ pid, exitCode, signalCode }: ChildProcess): boolean {
  return pid === undefined || exitCode !== null || signalCode !== null
}

/** Ends a server in order: what it was asked to commit is on disk, and nobody is waited for. */
export async function stopProcess(pid: number): Promise<void> {
  for (const order of ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const) {
    signal(pid, order)
    if (await waitUntilGone([pid], STOP_MS)) return
  }
  throw new Error(`Postgres ${pid} does not end`)
}

/** Ends every process of the server at once, as a crash of the machine's would. */
async function killFamily(pid: number): Promise<void> {
  // Stopped first: a parent that cannot fork has a complete list of children.
  signal(pid, 'SIGSTOP')
  const family = [pid, ...childrenOf(pid)]
  for (const member of family) signal(member, 'SIGKILL')
  if (!(await waitUntilGone(family, STOP_MS))) throw new Error(`Postgres ${pid} survives SIGKILL`)
}

function obstacleIn(log: string): Obstacle {
  if (/address already in use/i.test(log)) return 'port taken'
  if (log.includes('pre-existing shared memory block')) return 'old children alive'
  if (log.includes('lock file "postmaster.pid" already exists')) return 'in use'
  return 'other'
}
