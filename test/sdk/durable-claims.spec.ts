import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { build } from 'esbuild'
import { Miniflare } from 'miniflare'
import { afterAll, afterEach, beforeAll, describe, it } from 'vitest'
import { durableObjectClaims, type Use } from '../../sdk/provider/index.ts'
import { type Agent, type Endpoint, openWorld, type World } from '../support/world.ts'
import { paywallOptions } from './support/market.ts'

const ROOT = dirname(dirname(import.meta.dirname))

let world: World
let agent: Agent
let endpoint: Endpoint
let kept: string
let fleet: Miniflare

beforeAll(async () => {
  world = await openWorld()
  ;[agent, endpoint] = [await world.agent(), await world.endpoint()]
  kept = await mkdtemp(join(tmpdir(), 'payos-claims-'))
  fleet = await openFleet()
})
afterEach(async ({ expect }) => {
  expect(await world.imbalances()).toEqual([])
})
afterAll(async () => {
  await fleet?.dispose()
  await rm(kept, { recursive: true, force: true })
  await world?.close()
})

/** A provider of two Workers, each an isolate of its own, that share one class of objects. */
async function openFleet(): Promise<Miniflare> {
  const { nowSeconds: _, ...options } = paywallOptions(world, endpoint)
  const script = await bundle(`
    import { env } from 'cloudflare:workers'
    import { ClaimsObject, durableObjectClaims, paywall } from './sdk/provider/index.ts'
    export { ClaimsObject }
    const claims = durableObjectClaims(env.CLAIMS)
    const wall = paywall({ ...${JSON.stringify(options)}, claims })
    let runs = 0
    const handle = wall.wrap((request) => {
      runs += 1
      const status = request.url.endsWith('broken') ? 500 : 200
      return Response.json({ runs }, { status })
    })
    export default { fetch: handle }`)
  const common = { modules: true, script, compatibilityDate: '2026-07-30' }
  const own = { className: 'ClaimsObject', useSQLite: true }
  return new Miniflare({
    durableObjectsPersist: kept,
    workers: [
      { ...common, name: 'one', durableObjects: { CLAIMS: own } },
      { ...common, name: 'two', durableObjects: { CLAIMS: { ...own, scriptName: 'one' } } },
    ],
  })
}

async function bundle(contents: string): Promise<string> {
  const built = await build({
    stdin: { contents, resolveDir: ROOT },
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'neutral',
    target: 'es2022',
    external: ['cloudflare:workers'],
  })
  return built.outputFiles[0]?.text ?? ''
}

const proofOf = async () => (await world.pay(agent, endpoint)).body.proof as string

/** Shows a proof to one of the two. */
async function show(proof: string, name: 'one' | 'two' = 'one', query = ''): Promise<number> {
  const worker = await fleet.getWorker(name)
  const headers = { 'X-Payment-JWT': proof }
  const response = await worker.fetch(`${endpoint.url}${query}`, { headers })
  await response.text()
  return response.status
}

/** Claims, asked of the objects directly. */
async function openClaims() {
  const claims = durableObjectClaims(
    (await fleet.getDurableObjectNamespace('CLAIMS', 'one')) as never,
  )
  const paymentId = crypto.randomUUID()
  const until = Date.now() / 1000 + 900
  const use: Use = {
    paymentId,
    attemptId: 'a',
    until,
    proof: '',
    endpointId: '',
    method: '',
    url: '',
  }
  return { claims, use }
}

describe('claims in Durable Objects', () => {
  it('let one proof, shown 50 times at once to two Workers, be served once', async ({ expect }) => {
    const proof = await proofOf()

    const shown = Array.from({ length: 50 }, (_, at) => show(proof, at % 2 ? 'one' : 'two'))
    const statuses = await Promise.all(shown)

    expect(statuses.filter((status) => status === 200)).toHaveLength(1)
    expect(statuses.filter((status) => status === 402)).toHaveLength(49)
  })

  it('are given back when nothing was delivered', async ({ expect }) => {
    const proof = await proofOf()
    expect([await show(proof, 'one', '?broken'), await show(proof, 'two')]).toEqual([500, 200])
  })

  it('outlast the Worker', async ({ expect }) => {
    const proof = await proofOf()
    expect(await show(proof)).toBe(200)
    await fleet.dispose()
    fleet = await openFleet()

    expect(await show(proof, 'two')).toBe(402)
  })

  it('are given back by the attempt that holds them, and by no other', async ({ expect }) => {
    const { claims, use } = await openClaims()
    const other = { ...use, attemptId: 'b' }

    const first = await claims.claim(use)
    await claims.release(other)
    const second = await claims.claim(other)
    await claims.release(use)

    expect([first, second, await claims.claim(other)]).toEqual([
      undefined,
      'proof_already_used',
      undefined,
    ])
  })

  it('are told the same when the same attempt asks again', async ({ expect }) => {
    const { claims, use } = await openClaims()
    expect([await claims.claim(use), await claims.claim(use)]).toEqual([undefined, undefined])
  })

  it('are forgotten when their proof is over', async ({ expect }) => {
    const { claims, use } = await openClaims()
    await claims.claim({ ...use, until: Date.now() / 1000 + 1 })

    const claimed = () => claims.claim({ ...use, attemptId: 'later' })
    expect(await claimed()).toBe('proof_already_used')
    await expect.poll(claimed, { timeout: 20_000, interval: 100 }).toBeUndefined()
  })

  it('serve nothing when their objects cannot be reached', async ({ expect }) => {
    const lost = { ok: false, status: 503, json: () => Promise.resolve(true) }
    const binding = { idFromName: (name: string) => name, get: () => ({ fetch: async () => lost }) }
    const { use } = await openClaims()

    await expect(durableObjectClaims(binding).claim(use)).rejects.toThrow('503')
  })
})
