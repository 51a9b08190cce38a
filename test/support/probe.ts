import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Bundle, bundleWorker } from '../../local/bundle.ts'
import type { Edges } from '../../local/edges.ts'

const PROBE = `
let seen = 0
export default {
  async fetch(request, env, context) {
    const { pathname, searchParams } = new URL(request.url)
    const call = (path) => fetch(env.BACKEND + path, { method: 'POST', body: 'x' })
    if (pathname === '/state') {
      console.log('probe', env.SETTING)
      const [now, date, epoch] = [Date.now(), new Date().getTime(), new Date(0).getTime()]
      const ray = request.headers.get('cf-ray')
      return Response.json({ seen: ++seen, now, date, epoch, ray, setting: env.SETTING })
    }
    if (pathname === '/calls') {
      const times = Number(searchParams.get('times'))
      const startedAt = Date.now()
      await Promise.all(Array.from({ length: times }, () => call(searchParams.get('path'))))
      return Response.json({ ms: Date.now() - startedAt })
    }
    if (pathname === '/impatient') {
      const signal = AbortSignal.timeout(20)
      const answer = fetch(env.BACKEND + '/abandoned', { method: 'POST', signal })
      return answer.then(() => new Response('answered'), (error) => new Response(error.name))
    }
    if (pathname === '/later') {
      const work = async () => {
        await new Promise((resolve) => setTimeout(resolve, 10))
        await call('/later')
      }
      context.waitUntil(work())
      return new Response('first')
    }
    return call('/drop').then(() => new Response('answered'), (error) => new Response(error.message))
  },
  async scheduled(controller, env) {
    if (controller.cron === 'broken') throw new Error('broken')
    await fetch(env.BACKEND + '/cron?' + controller.scheduledTime)
  },
}
`
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
  const folder = await mkdtemp(join(tmpdir(), 'edges-'))
  const path = join(folder, 'probe.js')
  await writeFile(path, PROBE)
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
    bundle: { ...(await bundleWorker()), path },
    bindings: { BACKEND: origin, SETTING: 'first' },
    origin,
    trips,
    raysOf: (path) => trips.filter((trip) => trip.path === path).map(({ ray }) => ray),
    stop: async () => {
      backend.closeAllConnections()
      backend.close()
      await rm(folder, { recursive: true, force: true })
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
