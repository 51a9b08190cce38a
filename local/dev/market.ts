import { createServer, type RequestListener } from 'node:http'
import { createProvider } from '../../examples/provider/provider.ts'
import { seeded } from '../seeded.ts'

/** The routes of the example provider, and the endpoint each is registered as. */
export type EndpointIds = Record<'free' | 'weather' | 'report', string>

export type Operator = { supabase: string; supabaseKey: string; token: string }

const prices: Record<keyof EndpointIds, string> = { free: '0', weather: '1000', report: '5000000' }

/**
 * The endpoints whose registered URL is at `origin`. Those of the seed are at port 8402; for any
 * other port there are some of its own, since the URL of an endpoint never changes.
 */
export async function endpointsAt(origin: string, operator: Operator): Promise<EndpointIds> {
  const { endpoints } = seeded.providers.weather
  const port = new URL(origin).port
  if (port === '8402') return endpoints
  const own: EndpointIds = { ...endpoints }
  for (const name of Object.keys(prices) as (keyof EndpointIds)[]) {
    own[name] = endpoints[name].slice(0, 24) + port.padStart(10, '0') + endpoints[name].slice(-2)
    await putEndpoint(operator, { id: own[name], url: `${origin}/${name}`, price: prices[name] })
  }
  return own
}

type NewEndpoint = { id: string; url: string; price: string }

/** Registers an endpoint of the seeded provider, or finds it as it was. */
export async function putEndpoint(
  operator: Operator,
  { id, url, price }: NewEndpoint,
): Promise<void> {
  const answer = await fetch(`${operator.supabase}/rest/v1/rpc/put_x402_endpoint`, {
    method: 'POST',
    headers: {
      apikey: operator.supabaseKey,
      authorization: `Bearer ${operator.token}`,
      'content-type': 'application/json',
      'content-profile': 'api',
    },
    body: JSON.stringify({
      endpoint_id: id,
      provider_id: seeded.providers.weather.id,
      method: 'GET',
      url,
      currency: 'USDC',
      price,
    }),
  })
  if (!answer.ok) throw new Error(`the endpoint ${url} is refused: ${await answer.text()}`)
}

/**
 * Serves the example provider, the one in Europe under `/europe/`, and what `others` has by the
 * first segment of its path, until it is stopped.
 */
export async function openMarket(
  edge: string,
  port: number,
  { endpoints, others }: { endpoints: EndpointIds; others: Record<string, RequestListener> },
) {
  const origin = `http://127.0.0.1:${port}`
  const { weather, europe } = seeded.providers
  const routes = (under: string, ids: EndpointIds) =>
    Object.fromEntries(Object.entries(ids).map(([name, id]) => [`${under}/${name}`, id]))
  const here = createProvider({
    edge,
    origin,
    providerId: weather.id,
    routes: routes('', endpoints),
  })
  const there = createProvider({
    edge,
    origin,
    providerId: europe.id,
    routes: routes('/europe', europe.endpoints),
  })
  const server = createServer((request, response) => {
    const first = `/${request.url?.split('/')[1]}`
    void (others[first] ?? (first === '/europe' ? there : here))(request, response)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  return {
    stop: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
