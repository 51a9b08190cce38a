import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type Payment, type PaywallOptions, paywall } from '../../sdk/provider/index.ts'

/** A handler behind its paywall. */
type Route = (
  request: IncomingMessage,
  response: ServerResponse,
  failed: () => void,
) => Promise<void>

type Handler = (request: IncomingMessage, response: ServerResponse, payment: Payment) => unknown

/** A day's forecast costs this much on the metered route, in atomic units. */
const DAY = 100n

const skies = ['overcast', 'clear', 'drizzle', 'fog', 'sun', 'rain', 'storm']

const asked = ({ url = '/' }: IncomingMessage) => new URL(url, 'http://localhost')

const send = (response: ServerResponse, body: object): void => {
  response.writeHead(200, { 'Content-Type': 'application/json' }).end(`${JSON.stringify(body)}\n`)
}

/** What is sold, each under the path of its endpoint. */
const handlers = {
  weather: (_, response) => send(response, { celsius: 19, sky: skies[0] }),
  report: (_, response, { paymentId }) => send(response, { report: skies, paymentId }),
  /** A line a time, as they are known. */
  stream: async (_, response) => {
    response.writeHead(200, { 'Content-Type': 'text/plain' })
    for (const sky of skies) {
      response.write(`${sky}\n`)
      await new Promise((resolve) => setImmediate(resolve))
    }
    response.end()
  },
  /** Holds the price of a week, and takes that of the days asked for. */
  metered: (request, response, payment) => {
    const days = Math.min(Number(asked(request).searchParams.get('days') ?? 7), skies.length)
    if (payment.captureBy !== undefined) payment.charge(DAY * BigInt(days))
    send(response, { forecast: skies.slice(0, days) })
  },
} satisfies Record<string, Handler>

export type WeatherOptions = Omit<PaywallOptions, 'endpointId'> & {
  /** The endpoints as they are registered. */
  endpoints: Record<keyof typeof handlers, string>
}

/** A weather service: `/free` for everyone, the others for whoever pays. */
export function createWeather({ endpoints, ...options }: WeatherOptions) {
  const routes = new Map<string, Route>()
  for (const [name, handler] of Object.entries(handlers)) {
    const endpointId = endpoints[name as keyof typeof handlers]
    routes.set(`/${name}`, paywall({ ...options, endpointId }).express(handler as Handler))
  }
  return createServer((request, response) => {
    const { pathname } = asked(request)
    const route = routes.get(pathname)
    if (route) void route(request, response, () => response.writeHead(500).end())
    else if (pathname === '/free') send(response, { sky: 'there is one' })
    else response.writeHead(404).end()
  })
}
