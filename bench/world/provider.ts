import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { createProvider } from '../../examples/provider/provider.ts'
import type { World } from './databases.ts'
import type { Provider } from './population.ts'

export type ServedProvider = AsyncDisposable & { url: string }

/**
 * Serves the example provider for one endpoint, `awayMs` there and back from whoever calls it.
 *
 * The endpoint is moved to where it is served, which only a bench may do: prices and URLs of
 * endpoints are otherwise for good.
 */
export async function serveProvider(
  world: World,
  provider: Provider,
  at: { issuer: string; awayMs: number },
): Promise<ServedProvider> {
  let handle: ReturnType<typeof createProvider> | undefined
  const server = createServer(async (request, response) => {
    if (at.awayMs > 0) await pause(at.awayMs)
    await handle?.(request, response)
  })
  server.keepAliveTimeout = 0
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const url = `${origin}/weather`
  await world.sql`update ledger.endpoints set url = ${url} where id = ${provider.endpointId}`
  handle = createProvider({
    edge: at.issuer,
    origin,
    providerId: provider.id,
    routes: { '/weather': provider.endpointId },
  })
  return {
    url,
    [Symbol.asyncDispose]: async () => {
      server.close()
      server.closeAllConnections()
    },
  }
}
