import type { FacilitatorClient } from '@x402/core/server'
import { ExactEvmScheme } from '@x402/evm/exact/server'
import { paymentMiddleware, x402ResourceServer } from '@x402/express'
import express from 'express'
import { payosProvider } from '../../sdk/x402/index.ts'
import type { ProviderOptions } from './provider.ts'

export type TwoRailsOptions = ProviderOptions & {
  /** What settles on the chain: `new HTTPFacilitatorClient({ url: … })`. */
  onChain: FacilitatorClient
  /** The address that is paid there. */
  payTo: `0x${string}`
}

/** A provider that takes PayOS, and US dollars on Base (a test network) from whoever has those. */
export function createTwoRails({ endpointId, onChain, payTo, ...options }: TwoRailsOptions) {
  const payos = payosProvider(options)
  const server = new x402ResourceServer([payos.facilitator, onChain])
    .register(payos.network, payos.scheme)
    .register('eip155:84532', new ExactEvmScheme())
  const exact = { scheme: 'exact', network: 'eip155:84532', price: '$0.001', payTo } as const
  const routes = { 'GET /weather': { accepts: [payos.accept(endpointId), exact] } }
  return express()
    .use(paymentMiddleware(routes, server))
    .get('/weather', (_, response) => {
      response.json({ city: 'lima', sky: 'overcast' })
    })
}
