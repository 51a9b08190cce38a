import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { type Bundle, bundleWorker } from '../../local/bundle.ts'
import type { Edges } from '../../local/edges.ts'

const WORKER = fileURLToPath(new URL('./probe-worker.ts', import.meta.url))

export type Probe = {
  bundle: Bundle
  bindings: Record<string, string>
  /** Where the backend answers. */
  origin: string
  /** What the backend was asked, in order. */
  trips: { path: string; ray: string }[]
  raysOf: (path: string) => string[]
  stop: () => Promise<void>
}

/** Starts a backend, and builds a Worker that shows what an edge gives it and calls that backend. */
export async function startProbe(): Promise<Probe> {
  const trips: Probe['trips'] = []
  const backend = createServer((request, answer) => {
    request.resume().on('end', () => {
      trips.push({ path: request.url ?? '', ray: String(request.headers['cf-ray']) })
      if (request.url === '/drop') request.socket.destroy()
      else answer.end('ok')
    })
  })
  await new Promise<void>((resolve) => backend.listen(0, '127.0.0.1', resolve))
  const origin = `http://127.0.0.1:${(backend.address() as AddressInfo).port}`
  return {
    bundle: await bundleWorker({ entry: WORKER }),
    bindings: { BACKEND: origin, SETTING: 'first' },
    origin,
    trips,
    raysOf: (path) => trips.filter((trip) => trip.path === path).map(({ ray }) => ray),
    stop: async () => {
      backend.closeAllConnections()
      backend.close()
    },
  }
}

/** Asks one of the edges, the first unless `at` says which, optionally as a request with a ray. */
export async function ask(
  edges: Edges,
  path: string,
  options: { at?: number; ray?: string } = {},
): Promise<Response> {
  const { at = 0, ray } = options
  const url = edges.edges[at]?.url ?? ''
  return fetch(url + path, { headers: ray ? { 'cf-ray': ray } : {} })
}
