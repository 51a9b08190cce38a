import { AsyncLocalStorage } from 'node:async_hooks'
import type { ChildProcess } from 'node:child_process'
import { channel } from 'node:diagnostics_channel'
import { readFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import {
  HttpOptions_Style,
  Log,
  LogLevel,
  Miniflare,
  type MiniflareOptions,
  type WorkerOptions,
} from 'miniflare'
import type { Bundle } from './bundle.ts'

const HOST = '127.0.0.1'

// Miniflare does not tell which process it started; Node does, in the context of who asked for it.
const starting = new AsyncLocalStorage<ChildProcess[]>()
channel('child_process').subscribe((message) => {
  starting.getStore()?.push((message as { process: ChildProcess }).process)
})

export type EdgeProcessOptions = {
  bundle: Bundle
  locations: { name: string; port: number; continent?: string | undefined }[]
  bindings: Record<string, string>
  control: boolean
  /** Address of the forward proxy through which every call of the Worker goes. */
  proxy: string | undefined
  /** Whether a debugger can be attached. */
  inspected: boolean
}

export type EdgeProcess = {
  /** In the order of the locations. */
  urls: string[]
  /** Where a debugger is attached, in the same order; empty unless asked for. */
  inspectorUrls: string[]
  /** What the Workers and workerd printed. */
  lines: string[]
  pids: () => number[]
  /** Ends all isolates and begins them anew, cold, on the same sockets. */
  restart: (bindings: Record<string, string>) => Promise<void>
  dispatchScheduled: (name: string, event: { cron: string; at: Date }) => Promise<void>
  stop: () => Promise<void>
}

/** Runs one workerd, hence one thread; each location is an isolate with a socket of its own. */
export async function startEdgeProcess(options: EdgeProcessOptions): Promise<EdgeProcess> {
  const lines: string[] = []
  const children: ChildProcess[] = []
  const workers = await describeWorkers(options)
  const { vars } = options.bundle.worker
  const describe = (bindings: Record<string, string>): MiniflareOptions => ({
    host: HOST,
    port: 0,
    cf: false,
    ...(options.inspected && { inspectorPort: 0 }),
    log: new Log(LogLevel.NONE),
    handleRuntimeStdio: (...streams: Readable[]) => {
      for (const stream of streams) keepLines(stream, lines)
    },
    workers: workers.map((worker) => ({ ...worker, bindings: { ...vars, ...bindings } })),
  })
  const miniflare = await starting.run(children, () => startMiniflare(describe(options.bindings)))
  const names = options.locations.map(({ name }) => name)
  const urls = await Promise.all(names.map((name) => miniflare.unsafeGetDirectURL(name)))
  return {
    urls: urls.map((url) => url.origin),
    inspectorUrls: options.inspected ? await inspectorsOf(miniflare, names) : [],
    lines,
    pids: () => children.flatMap(runningWorkerd),
    restart: (bindings) => starting.run(children, () => miniflare.setOptions(describe(bindings))),
    dispatchScheduled: async (name, { cron, at }) => {
      const worker = await miniflare.getWorker(name)
      const { outcome } = await worker.scheduled({ cron, scheduledTime: at })
      if (outcome !== 'ok') throw new Error(`scheduled "${cron}" at ${name}: ${outcome}`)
    },
    stop: () => miniflare.dispose(),
  }
}

async function startMiniflare(options: MiniflareOptions): Promise<Miniflare> {
  const miniflare = new Miniflare(options)
  try {
    await miniflare.ready
    return miniflare
  } catch (cause) {
    await miniflare.dispose()
    throw cause
  }
}

async function inspectorsOf(miniflare: Miniflare, names: readonly string[]): Promise<string[]> {
  const base = await miniflare.getInspectorURL()
  return names.map((name) => new URL(`/core:user:${name}`, base).href)
}

async function describeWorkers(options: EdgeProcessOptions): Promise<WorkerOptions[]> {
  const { bundle, control, proxy } = options
  const { vars: _, ...worker } = bundle.worker
  const root = dirname(bundle.path)
  const plain = [await readModule(bundle.path, root)]
  const wrapped = [await readModule(bundle.wrapperPath, root), ...plain]
  const flags = worker.compatibilityFlags
  const asyncContext = flags.some((flag) => /^nodejs_(als|compat)/.test(flag))
  return options.locations.map(({ name, port, continent }) => ({
    ...worker,
    name,
    compatibilityFlags: control && !asyncContext ? [...flags, 'nodejs_als'] : flags,
    modulesRoot: root,
    modules: control ? [mainModule(bundle, { name, continent }), ...wrapped] : plain,
    unsafeDirectSockets: [{ host: HOST, port }],
    ...(proxy && {
      outboundService: {
        external: { address: proxy, http: { style: HttpOptions_Style.PROXY } },
      },
    }),
  }))
}

async function readModule(path: string, root: string) {
  const contents = await readFile(path, 'utf8')
  return { type: 'ESModule' as const, path: join(root, basename(path)), contents }
}

/** Evaluates the wrapper before the Worker: an import stands where its order matters. */
function mainModule(bundle: Bundle, place: { name: string; continent: string | undefined }) {
  const worker = JSON.stringify(`./${basename(bundle.path)}`)
  const contents = [
    `import { wrap } from './${basename(bundle.wrapperPath)}'`,
    `import worker from ${worker}`,
    `export * from ${worker}`,
    `export default wrap(worker, ${JSON.stringify(place)})`,
  ]
  return {
    type: 'ESModule' as const,
    path: join(dirname(bundle.path), 'main.js'),
    contents: contents.join('\n'),
  }
}

function keepLines(stream: Readable, lines: string[]): void {
  createInterface({ input: stream }).on('line', (line) => lines.push(line))
}

function runningWorkerd(child: ChildProcess): number[] {
  const running = child.exitCode === null && child.signalCode === null
  const ours = basename(child.spawnfile).startsWith('workerd')
  return running && ours && child.pid ? [child.pid] : []
}
