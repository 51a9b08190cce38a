import type { Body } from './http.ts'
import type { Agent, Endpoint, PayOptions, World } from './world.ts'

/** What the provider of an endpoint does, and what is done with it. */
export const providerOf = (world: World, endpoint: Endpoint) => {
  const { apiKey: key } = endpoint.provider
  return {
    /** Pays with manual capture: the payment is held. */
    held: (agent: Agent, options: PayOptions = {}) =>
      world.pay(agent, endpoint, { ...options, body: { capture: 'manual', ...options.body } }),
    /** `POST /settle`. */
    settle: (body: Body, edge = 0) => world.post('/v1/x402/settle', body, { key, edge }),
    /** `POST /refund`. */
    refund: (body: Body, edge = 0) => world.post('/v1/x402/refund', body, { key, edge }),
    /** `GET /payments/{id}`. */
    payment: (paymentId: string) => world.get(`/v1/x402/payments/${paymentId}`, { key }),
  }
}
