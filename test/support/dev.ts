import { type ChildProcess, spawn } from 'node:child_process'
import { chmod, mkdtemp, readdir, readFile, rm, stat, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { processesIn } from '../../local/postgres/processes.ts'

const PROJECT = fileURLToPath(new URL('../..', import.meta.url))
const OWN = ['.git', '.payos', '.wrangler', 'coverage']

export type Ran = { exit: number | null; out: string; error: string }

/** A command under way. */
export type Running = {
  process: ChildProcess
  /** Resolves when it has printed this. */
  printed: (text: string) => Promise<void>
  /** What it has printed so far. */
  shown: () => string
  /** Sends a signal to it and to all it has started in its group, as a terminal does. */
  signal: (name: NodeJS.Signals) => void
  /** It has ended; what it left in the background may go on. */
  exited: Promise<number | null>
  /** It has ended, and nobody holds its output any more. */
  ended: Promise<Ran>
}

/** A checkout of the project as new as a clone, beside any that runs on this machine. */
export type Checkout = {
  path: string
  /** Starts a command line there, by `bash`. */
  start: (line: string) => Running
  readDevFile: () => Promise<{ mode: number; dev: DevFile }>
  /** The processes that work in it or in its database. */
  processes: () => number[]
  close: () => Promise<void>
}

export type DevFile = {
  edge: string
  echo: string
  postgres: string
  supabase: string
  redis: string
  qstash: string
  provider: { endpointIds: Record<string, string> }
}

/** Makes one of links to the files of this one, so that everything runs and nothing is copied. */
export async function openCheckout(): Promise<Checkout> {
  const path = await mkdtemp(join(tmpdir(), 'payos-checkout-'))
  // Postgres may run as another account, which has to get there.
  await chmod(path, 0o755)
  for (const name of await readdir(PROJECT)) {
    if (!OWN.includes(name)) await symlink(join(PROJECT, name), join(path, name))
  }
  const devFile = join(path, '.payos', 'dev.json')
  return {
    path,
    start: (line) => start(line, path),
    async readDevFile() {
      const { mode } = await stat(devFile)
      return { mode: mode & 0o777, dev: JSON.parse(await readFile(devFile, 'utf8')) }
    },
    processes: () => [path, join(path, '.payos', 'postgres', 'data')].flatMap(processesIn),
    close: () => rm(path, { recursive: true, force: true }),
  }
}

function start(line: string, cwd: string): Running {
  const { NO_COLOR: _, FORCE_COLOR: __, ...env } = process.env
  const child = spawn('bash', ['-eo', 'pipefail', '-c', line], { cwd, env, detached: true })
  child.stdin.end()
  let out = ''
  const waiting = new Set<() => void>()
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    out += chunk
    for (const look of waiting) look()
  })
  const exited = new Promise<number | null>((resolve) => child.on('exit', resolve))
  const closed = new Promise((resolve) => child.on('close', resolve))
  const ended = Promise.all([exited, text(child.stderr), closed]).then(([exit, error]) => {
    return { exit, out, error }
  })
  const printed = async (wanted: string) => {
    const seen = new Promise<true>((resolve) => {
      const look = () => out.includes(wanted) && resolve(true)
      waiting.add(look)
      look()
    })
    const first = await Promise.race([seen, ended])
    if (first !== true) throw new Error(`never printed "${wanted}"\n${first.out}${first.error}`)
  }
  const signal = (name: NodeJS.Signals) => {
    try {
      process.kill(-(child.pid ?? 0), name)
    } catch {
      // All of its group have ended.
    }
  }
  return { process: child, printed, shown: () => out, signal, exited, ended }
}
