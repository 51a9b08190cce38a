import { paymentMiddleware, x402ResourceServer } from '@x402/hono'
import { Hono } from 'hono'
import { payosProvider } from '../../sdk/x402/index.ts'
import type { ProviderOptions } from './provider.ts'

/** The same provider on the official middleware for Hono; it may be made at a Worker's start. */
export function createWorker({ endpointId, ...options }: ProviderOptions) {
  const payos = payosProvider(options)
  const server = new x402ResourceServer(payos.facilitator).register(payos.network, payos.scheme)
  const routes = { 'GET /weather': { accepts: payos.accept(endpointId), description: 'Weather' } }
  return new Hono()
    .use(paymentMiddleware(routes, server))
    .get('/weather', (c) => c.json({ city: 'lima', sky: 'overcast' }))
}
