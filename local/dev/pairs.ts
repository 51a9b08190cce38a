import type { IncomingMessage, ServerResponse } from 'node:http'
import { createWeather, type WeatherOptions } from '../../examples/weather/provider.ts'
import { seeded } from '../seeded.ts'
import { type Operator, putEndpoint } from './market.ts'

/** Where the market serves the example on the SDK. */
export const SDK_PATH = '/sdk'

/** An endpoint for the provider on the official packages, which its reader starts. */
export type Official = { id: string; url: string }

/** The endpoints of the examples on the SDK, and of that on the official packages. */
export type Pairs = { sdk: WeatherOptions['endpoints']; official: Official }

const sold = { weather: '1000', report: '5000000', stream: '1000', metered: '700' } as const

/** Registers what the examples sell at `origin`; the official one is two ports further. */
export async function pairsAt(origin: string, operator: Operator): Promise<Pairs> {
  const port = Number(new URL(origin).port)
  const idOf = (at: number) => `50000000-0000-4000-8000-a${port.toString().padStart(9, '0')}${at}0`
  const sdk = { weather: idOf(1), report: idOf(2), stream: idOf(3), metered: idOf(4) }
  for (const [name, price] of Object.entries(sold)) {
    const id = sdk[name as keyof typeof sdk]
    await putEndpoint(operator, { id, url: `${origin}${SDK_PATH}/${name}`, price })
  }
  const official = { id: idOf(5), url: `http://127.0.0.1:${port + 2}/weather` }
  await putEndpoint(operator, { ...official, price: '1000' })
  return { sdk, official }
}

/** The weather example, as it answers below {@link SDK_PATH}. */
export function openSdkExample(edge: string, endpoints: WeatherOptions['endpoints']) {
  const { id: providerId, apiKey } = seeded.providers.weather
  const server = createWeather({ edge, apiKey, providerId, basePath: SDK_PATH, endpoints })
  return (request: IncomingMessage, response: ServerResponse): void => {
    request.url = request.url?.slice(SDK_PATH.length) ?? ''
    server.emit('request', request, response)
  }
}
