import type { Bundle } from './bundle.ts'
import { type EdgeProcess, startEdgeProcess } from './edge-process.ts'
import type { Backend, Latency } from './latency.ts'
import { type LatencyProxy, startLatencyProxy } from './latency-proxy.ts'

export type EdgesOptions = {
  bundle: Bundle
  /** Secrets and settings, over the vars of wrangler.toml. The same at every edge. */
  bindings: Record<string, string>
  /** Names of the edges. Default `['local']`. */
  locations?: readonly string[] | undefined
  /** The continent of an edge, by its name: what Cloudflare tells the Worker as `cf.continent`. */
  continents?: Record<string, string> | undefined
  latency?: Latency | undefined
  /** Which backend answers at an origin; one that is not listed is `other`. */
  backends?: Record<string, Backend> | undefined
  /** False runs the Worker alone: no clock, no `cf-ray`. Default true. */
  control?: boolean | undefined
  /** Whether a debugger can be attached to each edge. Default false. */
  inspected?: boolean | undefined
  /** Over how many processes, so threads, the edges are spread. Default 1. */
  processes?: number | undefined
  /** Of the first edge; the others take free ones. */
  port?: number | undefined
}

export type Edge = {
  name: string
  url: string
  /** Where a debugger is attached, as a WebSocket; only if it was asked for. */
  inspectorUrl?: string | undefined
  /** Runs the Worker's cron handler; rejects if that throws. */
  dispatchScheduled: (cron: string) => Promise<void>
}

/**
 * Runs the built Worker at several locations, none of which shares memory with another.
 *
 * With a latency every call of the Worker travels through a proxy; without, it goes straight.
 */
export async function startEdges(options: EdgesOptions): Promise<Edges> {
  const { bundle, bindings, latency, backends = {}, control = true, inspected = false } = options
  if (latency?.connections !== undefined && !control) {
    throw new Error('connections are counted by cf-ray, which only a controlled edge has')
  }
  const proxy = latency && (await startLatencyProxy(latency, backends))
  const started = spread(options).map(async (locations) => {
    const plan = { bundle, bindings, control, locations, inspected, proxy: proxy?.address }
    return { names: locations.map(({ name }) => name), process: await startEdgeProcess(plan) }
  })
  const settled = await Promise.allSettled(started)
  const groups = settled.flatMap((group) => (group.status === 'fulfilled' ? [group.value] : []))
  const edges = new Edges({ groups, options, control, proxy })
  const failure = settled.find((group) => group.status === 'rejected')
  if (!failure) return edges
  await edges.stop()
  throw failure.reason
}

/** Deals the locations out over the processes; each is asked for its own port. */
function spread({ locations = ['local'], continents, processes = 1, port = 0 }: EdgesOptions) {
  const places = locations.map((name, index) => ({
    name,
    port: index === 0 ? port : 0,
    continent: continents?.[name],
  }))
  const count = Math.min(Math.max(1, processes), places.length)
  return Array.from({ length: count }, (_, at) => places.filter((_, index) => index % count === at))
}

type Group = { names: string[]; process: EdgeProcess }
type Parts = {
  groups: Group[]
  options: EdgesOptions
  control: boolean
  proxy: LatencyProxy | undefined
}

/** The running edges, in the order of their locations. */
export class Edges {
  readonly edges: readonly Edge[]
  readonly #parts: Parts
  #bindings: Record<string, string>
  #offsetMs = 0

  constructor(parts: Parts) {
    this.#parts = parts
    this.#bindings = parts.options.bindings
    const found = new Map(parts.groups.flatMap((group) => this.#describe(group)))
    const order = parts.options.locations ?? ['local']
    this.edges = order.flatMap((name) => found.get(name) ?? [])
  }

  /** Those of the running workerd processes. */
  pids(): number[] {
    return this.#parts.groups.flatMap(({ process }) => process.pids())
  }

  /** Every line the Workers printed since the start. */
  logs(): string[] {
    return this.#parts.groups.flatMap(({ process }) => process.lines)
  }

  /** Makes an edge cold, and with it those of the same process; without a name, all edges. */
  async restart(name?: string): Promise<void> {
    const { groups } = this.#parts
    const concerned = groups.filter(({ names }) => name === undefined || names.includes(name))
    if (concerned.length === 0) throw new Error(`there is no edge "${name}"`)
    await Promise.all(concerned.map(({ process }) => process.restart(this.#bindings)))
    if (this.#offsetMs !== 0) await this.moveClock(this.#offsetMs)
  }

  /** Adds or replaces bindings; all edges are cold afterwards, as after a deployment. */
  async setBindings(bindings: Record<string, string>): Promise<void> {
    this.#bindings = { ...this.#bindings, ...bindings }
    await this.restart()
  }

  /** Sets every edge's clock to the machine's plus `offsetMs`; a restart keeps it. */
  async moveClock(offsetMs: number): Promise<void> {
    if (!this.#parts.control) throw new Error('only a controlled edge has a clock to move')
    await Promise.all(this.edges.map(({ url }) => setOffset(url, offsetMs)))
    this.#offsetMs = offsetMs
  }

  async stop(): Promise<void> {
    await Promise.all(this.#parts.groups.map(({ process }) => process.stop()))
    await this.#parts.proxy?.stop()
  }

  #describe({ names, process }: Group): [string, Edge][] {
    const dispatchScheduled = (name: string) => (cron: string) =>
      process.dispatchScheduled(name, { cron, at: new Date(Date.now() + this.#offsetMs) })
    return names.map((name, index) => {
      const url = process.urls[index] ?? ''
      const inspectorUrl = process.inspectorUrls[index]
      return [name, { name, url, inspectorUrl, dispatchScheduled: dispatchScheduled(name) }]
    })
  }
}

async function setOffset(url: string, offsetMs: number): Promise<void> {
  const answer = await fetch(`${url}/__control/clock`, {
    method: 'POST',
    body: JSON.stringify({ offsetMs }),
  })
  if (!answer.ok) throw new Error(`${url} keeps its clock: ${answer.status}`)
}
