import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { createProvider } from '../../examples/provider/provider.ts'
import { memoryClaims, paywall } from '../../sdk/provider/index.ts'
import type { World } from './databases.ts'
import type { Provider } from './population.ts'

export type ServedProvider = AsyncDisposable & { url: string }

type Place = { issuer: string; awayMs: number }
type Handler = (request: IncomingMessage, response: ServerResponse) => Promise<void>

/** Serves the example provider for one endpoint, `awayMs` there and back from whoever calls it. */
export function serveProvider(
  world: World,
  provider: Provider,
  at: Place,
): Promise<ServedProvider> {
  return serve({ world, provider, awayMs: at.awayMs }, (origin) =>
    createProvider({
      edge: at.issuer,
      origin,
      providerId: provider.id,
      routes: { '/weather': provider.endpointId },
    }),
  )
}

/** The same behind the paywall of the SDK, which takes promises and presents them by itself. */
export function servePaywall(world: World, provider: Provider, at: Place): Promise<ServedProvider> {
  const { id: providerId, endpointId, apiKey } = provider
  const claims = memoryClaims()
  const wall = paywall({ edge: at.issuer, providerId, endpointId, apiKey, claims })
  return serve({ world, provider, awayMs: at.awayMs }, () =>
    wall.express((_: IncomingMessage, response: ServerResponse, { paymentId }) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ paymentId }))
    }),
  )
}

type Served = { world: World; provider: Provider; awayMs: number }

/**
 * The endpoint is moved to where it is served, which only a bench may do: prices and URLs of
 * endpoints are otherwise for good.
 */
async function serve(
  { world, provider, awayMs }: Served,
  handlerAt: (origin: string) => Handler,
): Promise<ServedProvider> {
  let handle: Handler | undefined
  const server = createServer(async (request, response) => {
    if (awayMs > 0) await pause(awayMs)
    await handle?.(request, response)
  })
  server.keepAliveTimeout = 0
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const url = `${origin}/weather`
  await world.sql`update ledger.endpoints set url = ${url} where id = ${provider.endpointId}`
  handle = handlerAt(origin)
  return {
    url,
    [Symbol.asyncDispose]: async () => {
      server.close()
      server.closeAllConnections()
    },
  }
}
