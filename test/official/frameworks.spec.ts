import { createServer, type RequestListener } from 'node:http'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { withPayments } from '../../sdk/client/index.ts'
import type { PaywallOptions } from '../../sdk/provider/index.ts'
import { payosClient } from '../../sdk/x402/index.ts'
import { clientOptions, paywallOptions } from '../sdk/support/market.ts'
import { close, freePort, serve } from '../sdk/support/serve.ts'
import { openWorld, type World } from '../support/world.ts'
import { openClient, openPackages, type Packages } from './support/packages.ts'

type FastifyApp = { listen(at: object): Promise<string>; close(): Promise<void> }

/** The example file, each on its framework. */
type Frameworks = {
  createExpress(options: PaywallOptions): RequestListener
  createFastify(options: PaywallOptions): FastifyApp
  createHono(options: PaywallOptions): { fetch(request: Request): Promise<Response> }
}

let packages: Packages
let world: World
const shops = new Map<string, string>()
const stops: (() => Promise<unknown>)[] = []

beforeAll(async () => {
  packages = await openPackages()
  world = await openWorld()
  const made = await packages.example<Frameworks>('frameworks.ts')
  await openOn('Express 5', async (port, options) => {
    const server = createServer(made.createExpress(options))
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
    return () => close(server)
  })
  await openOn('Fastify 5', async (port, options) => {
    const app = made.createFastify(options)
    await app.listen({ port, host: '127.0.0.1' })
    return () => app.close()
  })
  const hono = await serve(() => new Response('closed', { status: 500 }))
  const app = made.createHono(await optionsAt('Hono 4', hono.origin))
  hono.handle = (request) => app.fetch(request)
  stops.push(() => hono.stop())
}, 600_000)
afterAll(async () => {
  for (const stop of stops) await stop()
  await world?.close()
})

async function optionsAt(name: string, origin: string): Promise<PaywallOptions> {
  const url = `${origin}/weather`
  shops.set(name, url)
  return paywallOptions(world, await world.endpoint({ url }))
}

async function openOn(
  name: string,
  open: (port: number, options: PaywallOptions) => Promise<() => Promise<unknown>>,
): Promise<void> {
  const port = await freePort()
  stops.push(await open(port, await optionsAt(name, `http://127.0.0.1:${port}`)))
}

const pairs = ['Express 5', 'Fastify 5', 'Hono 4'].flatMap((framework) =>
  (['our fetch', 'fetch 2.27'] as const).map((client) => ({ framework, client })),
)

describe('our paywall, as its example has it', () => {
  it.for(pairs)('on $framework is paid by $client', async (pair, { expect }) => {
    const agent = await world.agent({ signs: true })
    const options = clientOptions(world, agent)
    const pay =
      pair.client === 'our fetch'
        ? withPayments(fetch, options)
        : await openClient(packages, pair.client, payosClient(options))

    const response = await pay(`${shops.get(pair.framework)}?city=lima`)

    expect([response.status, await response.json()]).toEqual([
      200,
      expect.objectContaining({ city: 'lima', agentId: agent.id }),
    ])
    expect(await world.paymentsOf(agent)).toHaveLength(1)
  })
})
