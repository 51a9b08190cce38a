import { AsyncLocalStorage } from 'node:async_hooks'

/**
 * What one machine adds to the Worker, and production never contains: a clock that can be moved,
 * Cloudflare's `cf-ray` on every request and on every fetch made on its behalf, and the continent.
 *
 * This module must be evaluated before the Worker's own, which may keep `Date` or `fetch`.
 */
type Handlers = {
  fetch: (request: Request, env: unknown, context: unknown) => Response | Promise<Response>
  scheduled?: (controller: unknown, env: unknown, context: unknown) => unknown
}

const rays = new AsyncLocalStorage<string>()
const realNow = Date.now
const realFetch = globalThis.fetch
let offsetMs = 0

Date.now = () => realNow() + offsetMs

// A proxy, not a subclass: dates that the runtime makes stay instances, and subclasses their own.
globalThis.Date = new Proxy(Date, {
  construct: (target, parts, type) =>
    Reflect.construct(target, parts.length === 0 ? [Date.now()] : parts, type) as Date,
  apply: () => new Date().toString(),
})
Date.prototype.constructor = Date

globalThis.fetch = (input, init) => {
  const ray = rays.getStore()
  if (!ray) return realFetch(input, init)
  if (input instanceof Request) {
    const request = new Request(input, init)
    request.headers.set('cf-ray', ray)
    return realFetch(request)
  }
  const headers = new Headers(init?.headers)
  headers.set('cf-ray', ray)
  return realFetch(input, { ...init, headers })
}

/** The Worker as it is, on the moved clock, each of its requests known by its `cf-ray`. */
export function wrap(worker: Handlers, place: { name: string; continent?: string }): Handlers {
  const { name, continent } = place
  const cf = continent === undefined ? {} : { cf: { continent } }
  const newRay = () => `${crypto.randomUUID().replaceAll('-', '').slice(0, 16)}-${name}`
  return {
    ...worker,
    fetch(request, env, context) {
      if (request.url.includes('/__control/')) return obey(request)
      const ray = request.headers.get('cf-ray') ?? newRay()
      const known = new Request(request, cf as RequestInit)
      known.headers.set('cf-ray', ray)
      return rays.run(ray, () => worker.fetch(known, env, context))
    },
    ...(worker.scheduled && {
      scheduled: (controller: unknown, env: unknown, context: unknown) =>
        rays.run(newRay(), () => worker.scheduled?.(controller, env, context)),
    }),
  }
}

async function obey(request: Request): Promise<Response> {
  if (request.method !== 'POST' || new URL(request.url).pathname !== '/__control/clock') {
    return new Response(null, { status: 404 })
  }
  const order = (await request.json()) as { offsetMs?: unknown }
  if (typeof order.offsetMs !== 'number' || !Number.isFinite(order.offsetMs)) {
    return new Response('offsetMs must be a number', { status: 400 })
  }
  offsetMs = order.offsetMs
  return new Response(null, { status: 204 })
}
