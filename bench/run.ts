import { loadavg } from 'node:os'
import { fileURLToPath } from 'node:url'
import { bundleWorker } from '../local/bundle.ts'
import { startPostgres } from '../local/postgres.ts'
import { Progress } from './progress.ts'
import { describeMachine } from './report/machine.ts'
import type { Results } from './report/results.ts'
import type { Bench, Figure, Scenario, Size } from './scenario.ts'
import { Databases } from './world/databases.ts'

/**
 * Runs scenarios one after another on a server of their own and returns what they measured.
 *
 * A scenario that fails, because an outcome was wrong, leaves no figure and is named in `failures`.
 */
export async function run(
  scenarios: readonly Scenario[],
  { size, out }: { size: Size; out?: NodeJS.WritableStream },
): Promise<Results> {
  const started = performance.now()
  const machine = await describeMachine()
  const progress = new Progress(out)
  const figures: Figure[] = []
  const failures: Results['failures'] = []
  const postgres = await startPostgres()
  try {
    const bench: Bench = {
      size,
      pick: (quick, full) => (size === 'quick' ? quick : full),
      databases: new Databases(postgres),
      bundles: await buildWorkers(),
      progress: (done, all, what) => progress.step(done, all, what),
      figures,
    }
    for (const [at, scenario] of scenarios.entries()) {
      progress.begin(`[${at + 1}/${scenarios.length}] ${scenario.name}`)
      const begun = performance.now()
      try {
        figures.push(...(await scenario.run(bench)))
        progress.end(`${((performance.now() - begun) / 1000).toFixed(0)} s`)
      } catch (cause) {
        const message = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)
        failures.push({ scenario: scenario.name, message })
        progress.end(`FAILED: ${message.split('\n')[0]}`)
      }
    }
  } finally {
    await postgres.stop()
  }
  return {
    version: 1,
    at: new Date().toISOString(),
    size,
    seconds: Math.round((performance.now() - started) / 1000),
    machine: { ...machine, load: { ...machine.load, after: loadavg()[0] ?? 0 } },
    figures,
    failures,
  }
}

async function buildWorkers(): Promise<Bench['bundles']> {
  const entry = (path: string) => ({ entry: fileURLToPath(new URL(path, import.meta.url)) })
  const [payos, reference, hello, oneCall, signatures] = await Promise.all([
    bundleWorker({ minify: true }),
    bundleWorker({ minify: true, ...entry('./reference/reference.ts') }),
    bundleWorker(entry('./workers/hello.ts')),
    bundleWorker(entry('./workers/one-call.ts')),
    bundleWorker(entry('./workers/signatures.ts')),
  ])
  return { payos, reference, hello, oneCall, signatures }
}
