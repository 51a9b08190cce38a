import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import type { Latency } from '../../local/latency.ts'
import { type Payos, startPayos } from '../../local/payos.ts'
import { HttpClient } from '../measure/http.ts'
import type { Bench } from '../scenario.ts'
import type { World } from './databases.ts'
import { type Order, payBody, type Settlement } from './order.ts'
import type { Population } from './population.ts'

/** A whole PayOS with its parties, and how agents call it. */
export type Edge = World & {
  payos: Payos
  http: HttpClient
  urls: string[]
  /** Pays an order at an edge and answers what it said; fails unless it settled as expected. */
  pay: (order: Order, options?: PayOptions) => Promise<Paid>
}

export type PayOptions = {
  edge?: number
  signed?: boolean
  /** The body to send; made of the order when absent. */
  body?: string
  /** Async: promised from the wallet's lease, where it has one. Default `sync`. */
  settlement?: Settlement
  /** What must come of it; `paid`: held, settled or both. Default: what `settlement` says. */
  expect?: 'settled' | 'held' | 'paid' | 'replayed' | { refused: string }
}

/** What an edge answered, and which backends it waited for. */
export type Paid = { paymentId: string; status: string; proof: string; trips: string[] }

type EdgeOptions = {
  population: Population
  latency?: Latency
  locations?: number
  /** False runs the Worker alone, as for figures of speed. */
  control?: boolean
  /** Whether a debugger can be attached. Default false. */
  inspected?: boolean
  bindings?: Record<string, string>
}

/** Opens a PayOS of a scenario's own: each location is a workerd process, so a thread, of its own. */
export async function openEdge(bench: Bench, options: EdgeOptions): Promise<Edge> {
  const world = await bench.databases.open(options.population)
  const count = options.locations ?? 1
  const port = await freePort()
  const payos = await startPayos({
    ports: { edge: port },
    issuer: `http://127.0.0.1:${port}`,
    databaseUrl: world.url('authenticator'),
    bundle: bench.bundles.payos,
    locations: Array.from({ length: count }, (_, index) => `edge-${index}`),
    processes: count,
    control: options.control ?? options.latency !== undefined,
    inspected: options.inspected ?? false,
    ...(options.latency && { latency: options.latency }),
    ...(options.bindings && { bindings: options.bindings }),
  })
  const http = new HttpClient()
  const urls = payos.edges.edges.map(({ url }) => url)
  return {
    ...world,
    payos,
    http,
    urls,
    pay: (order, call = {}) => pay({ http, urls, issuer: payos.issuer }, order, call),
    [Symbol.asyncDispose]: async () => {
      http[Symbol.dispose]()
      await payos.stop()
      await world[Symbol.asyncDispose]()
    },
  }
}

/** Providers ask the issuer of a proof for its keys, so the first edge is known before it starts. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

type Counter = { http: HttpClient; urls: string[]; issuer: string }

type Told = { code?: string; replayed?: boolean; status?: string } & Partial<
  Pick<Paid, 'paymentId' | 'proof'>
>

async function pay(at: Counter, order: Order, options: PayOptions): Promise<Paid> {
  const { edge = 0, signed = false, settlement } = options
  const { expect = settlement === 'async' ? 'held' : 'settled' } = options
  const issuer = signed ? at.issuer : undefined
  const { status, text, headers } = await at.http.send(`${at.urls[edge]}/v1/x402/pay`, {
    headers: { authorization: `Bearer ${order.wallet.agent.apiKey}` },
    body: options.body ?? payBody(order, { issuer, settlement }),
  })
  const told = JSON.parse(text) as Told
  const came = status !== 200 ? told.code : told.replayed ? 'replayed' : told.status
  const wanted = typeof expect === 'object' ? expect.refused : expect
  // Where Redis was late the ledger may find the promise that was made all the same.
  const isAsWanted = wanted === 'paid' ? status === 200 : came === wanted
  if (!isAsWanted) {
    throw new Error(`expected ${wanted}, came ${came}: ${text.slice(0, 300)}`)
  }
  const { paymentId = '', proof = '' } = told
  return { paymentId, proof, status: told.status ?? '', trips: tripsIn(headers['server-timing']) }
}

/** The backends named in a `Server-Timing` header, in the order they were waited for. */
export const tripsIn = (header: string | undefined): string[] =>
  header === undefined ? [] : header.split(', ').map((entry) => entry.split(';')[0] ?? '')
