import { afterAll, beforeAll, describe, it } from 'vitest'
import { openWorld, type World } from '../support/world.ts'
import { openShop, type Shop } from './support/market.ts'
import { type Served, serve } from './support/serve.ts'

let world: World
let shop: Shop
let proxy: Served

beforeAll(async () => {
  world = await openWorld()
  proxy = await openCachingProxy(() => shop.url)
  shop = await openShop(world, {
    answer: () => new Response('sunny', { headers: { 'Cache-Control': 'public, max-age=3600' } }),
  })
})
afterAll(async () => {
  await Promise.all([proxy?.stop(), shop?.stop()])
  await world?.close()
})

/** Keeps by their URL all answers that may be kept (RFC 9111 section 3), for everyone. */
async function openCachingProxy(origin: () => string): Promise<Served> {
  const kept = new Map<string, [BodyInit, ResponseInit]>()
  return serve(async ({ url, headers }) => {
    const { search } = new URL(url)
    const hit = kept.get(search)
    if (hit) return new Response(...hit)
    const response = await fetch(origin() + search, { headers })
    const init = { status: response.status, headers: response.headers }
    const body = await response.arrayBuffer()
    const forbids = /no-store|private/.test(response.headers.get('cache-control') ?? '')
    if (!forbids) kept.set(search, [body, init])
    return new Response(body, init)
  })
}

describe('behind a cache that anyone reads', () => {
  it.for(['', '?city=lima'])(
    'a paid answer is given to its payer alone: /%s',
    async (query, { expect }) => {
      const { body } = await world.pay(await world.agent(), shop.endpoint)
      const shown = { headers: { 'X-Payment-JWT': body.proof } }

      const asked = await fetch(proxy.origin + query)
      const paid = await fetch(proxy.origin + query, shown)
      const unpaid = await fetch(proxy.origin + query)

      expect([asked.status, paid.status, unpaid.status]).toEqual([402, 200, 402])
    },
  )
})
