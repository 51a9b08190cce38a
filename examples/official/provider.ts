import { readFile } from 'node:fs/promises'
import { paymentMiddleware, x402ResourceServer } from '@x402/express'
import express from 'express'
import { type PayosProviderOptions, payosProvider } from '../../sdk/x402/index.ts'

export type ProviderOptions = PayosProviderOptions & {
  /** The endpoint that is registered as `GET …/weather`. */
  endpointId: string
}

/** A provider on the official middleware for Express, paid by PayOS. */
export function createProvider({ endpointId, ...options }: ProviderOptions) {
  const payos = payosProvider(options)
  const server = new x402ResourceServer(payos.facilitator).register(payos.network, payos.scheme)
  const routes = { 'GET /weather': { accepts: payos.accept(endpointId), description: 'Weather' } }
  return express()
    .use(paymentMiddleware(routes, server))
    .get('/weather', (_, response) => {
      response.json({ city: 'lima', sky: 'overcast' })
    })
}

if (import.meta.main) {
  const { edge, provider } = JSON.parse(await readFile('.payos/dev.json', 'utf8'))
  const { id: providerId, apiKey } = provider
  const endpointId = process.argv[2] ?? ''
  const { resource } = await (await fetch(`${edge}/v1/x402/endpoints/${endpointId}`)).json()
  createProvider({ edge, apiKey, providerId, endpointId }).listen(Number(new URL(resource).port))
  console.log(`selling ${resource}`)
}
