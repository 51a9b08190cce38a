import { createServer, type RequestListener } from 'node:http'
import { type PayosProviderOptions, payosProvider } from '../../../sdk/x402/index.ts'
import { close, listen, serve } from '../../sdk/support/serve.ts'
import type { Endpoint, Provider, World } from '../../support/world.ts'
import type { Packages } from './packages.ts'

export const servers = ['hono 2.27', 'express 2.27'] as const
export type ServerName = (typeof servers)[number]

export type OfficialShop = { endpoint: Endpoint; url: string; stop: () => Promise<void> }

type Options = PayosProviderOptions & { endpointId: string }

/** How a provider of this world sets the scheme up. */
export const providerOptions = (world: World, endpoint: Endpoint): Options => ({
  edge: world.payos.edges.edges[0]?.url ?? '',
  issuer: world.payos.issuer,
  apiKey: endpoint.provider.apiKey,
  providerId: endpoint.provider.id,
  endpointId: endpoint.id,
  nowSeconds: () => Math.floor(world.payos.clock.now() / 1000),
})

/** Opens the example provider on one of the official servers. */
export async function openOfficialShop(
  { world, packages }: { world: World; packages: Packages },
  name: ServerName,
  { provider, ...change }: Partial<Options> & { provider?: Provider } = {},
): Promise<OfficialShop> {
  const isHono = name === 'hono 2.27'
  let handle: RequestListener = (_, response) => response.writeHead(500).end('closed')
  const server = createServer((request, response) => handle(request, response))
  const served = isHono ? await serve(() => new Response('closed', { status: 500 })) : undefined
  const origin = served?.origin ?? (await listen(server))
  const url = `${origin}/weather`
  const endpoint = await world.endpoint({ url, ...(provider && { provider }) })
  const options = { ...providerOptions(world, endpoint), ...change }
  if (served) {
    const { createWorker } = await packages.example<{
      createWorker(options: Options): { fetch(request: Request): Promise<Response> }
    }>('worker.ts')
    const app = createWorker(options)
    served.handle = (request) => app.fetch(request)
  } else {
    const { createProvider } = await packages.example<{
      createProvider(options: Options): RequestListener
    }>('provider.ts')
    handle = createProvider(options)
  }
  return { endpoint, url, stop: () => served?.stop() ?? close(server) }
}

type HonoApp = {
  use(handler: unknown): HonoApp
  get(path: string, handler: () => Response): HonoApp
  fetch(request: Request): Promise<Response>
}

type HandlerOptions = {
  /** Who settles. Default: our own facilitator client. */
  facilitatorOf?: (provider: Provider) => Promise<object>
  /** What the route declares in its 402. */
  extensions?: Record<string, unknown>
}

/** The same on Hono with a handler of the spec's own. */
export async function openHandler(
  { world, packages }: { world: World; packages: Packages },
  handler: () => Response,
  { facilitatorOf, extensions = {} }: HandlerOptions = {},
): Promise<OfficialShop> {
  const served = await serve(() => new Response('closed', { status: 500 }))
  const url = `${served.origin}/weather`
  const endpoint = await world.endpoint({ url })
  const payos = payosProvider(providerOptions(world, endpoint))
  const { paymentMiddleware, x402ResourceServer } = await packages.load<{
    paymentMiddleware(routes: object, server: object): unknown
    x402ResourceServer: new (by: object) => { register(network: string, scheme: object): object }
  }>('@x402/hono')
  const { Hono } = await packages.load<{ Hono: new () => HonoApp }>('hono')
  const facilitator = (await facilitatorOf?.(endpoint.provider)) ?? payos.facilitator
  const server = new x402ResourceServer(facilitator).register(payos.network, payos.scheme)
  const routes = { 'GET /weather': { accepts: payos.accept(endpoint.id), extensions } }
  const app = new Hono().use(paymentMiddleware(routes, server)).get('/weather', handler)
  served.handle = (request) => app.fetch(request)
  return { endpoint, url, stop: () => served.stop() }
}
