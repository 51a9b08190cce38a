import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'

const HAS_PROC = existsSync('/proc/self/stat')

/** Sends a signal; a process that is already gone is no error. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch (cause) {
    if (!isMissing(cause)) throw cause
  }
}

/** Whether the process still runs; one that only waits to be reaped does not. */
export function isRunning(pid: number): boolean {
  if (HAS_PROC) {
    const state = readStat(pid)?.state
    return state !== undefined && state !== 'Z' && state !== 'X'
  }
  try {
    process.kill(pid, 0)
    return true
  } catch (cause) {
    return !isMissing(cause)
  }
}

/** Resolves to whether all of the processes were gone within `ms`. */
export async function waitUntilGone(pids: number[], ms: number): Promise<boolean> {
  const deadline = Date.now() + ms
  while (pids.some(isRunning)) {
    if (Date.now() > deadline) return false
    await pause(5)
  }
  return true
}

/** The processes whose parent is `pid`. */
export function childrenOf(pid: number): number[] {
  return table().flatMap((row) => (row.parent === pid ? [row.pid] : []))
}

/** The processes of Postgres servers that work in the folder `path`. */
export function processesIn(path: string): number[] {
  if (HAS_PROC) return table().flatMap(({ pid }) => (workingDir(pid) === path ? [pid] : []))
  const found = run('lsof', ['-a', '-c', 'postgres', '-d', 'cwd', '-F', 'pn'])
  // Fields come one per line, each process number before the folder it belongs to.
  return [...found.matchAll(/^p(\d+)\n(?:f.*\n)?n(.*)$/gm)].flatMap(([, pid, folder]) =>
    folder === path ? [Number(pid)] : [],
  )
}

function workingDir(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/cwd`)
  } catch {
    return undefined
  }
}

function run(program: string, args: string[]): string {
  const { stdout } = spawnSync(program, args, { encoding: 'utf8' })
  return stdout ?? ''
}

function table(): { pid: number; parent: number }[] {
  if (HAS_PROC) {
    return readdirSync('/proc').flatMap((name) => {
      const stat = /^\d+$/.test(name) ? readStat(Number(name)) : undefined
      return stat === undefined ? [] : [{ pid: Number(name), parent: stat.parent }]
    })
  }
  const lines = run('ps', ['-axo', 'pid=,ppid=']).split('\n')
  return lines.map((line) => {
    const [pid, parent] = line.trim().split(/\s+/)
    return { pid: Number(pid), parent: Number(parent) }
  })
}

function readStat(pid: number): { state: string | undefined; parent: number } | undefined {
  try {
    const line = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The name before it is in parentheses and may hold any character, these included.
    const [state, parent] = line.slice(line.lastIndexOf(')') + 2).split(' ')
    return { state, parent: Number(parent) }
  } catch {
    return undefined
  }
}

function isMissing(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && cause.code === 'ESRCH'
}
