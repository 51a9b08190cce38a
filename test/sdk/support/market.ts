import { type PaymentOptions, withPayments } from '../../../sdk/client/index.ts'
import {
  type Payment,
  type Paywall,
  type PaywallOptions,
  paywall,
} from '../../../sdk/provider/index.ts'
import type { PaymentRequirements } from '../../../shared/protocol/x402.ts'
import type { Agent, AgentTerms, Endpoint, World } from '../../support/world.ts'
import { type Handler, type Served, serve } from './serve.ts'

/** A provider that is reached over HTTP, and its endpoint at `/weather` in the ledger. */
export type Shop = Served & {
  handle: Handler
  endpoint: Endpoint
  url: string
  served: string[]
  wall: Paywall
}

/** What a shop sells, and what it takes for it. */
export type Sells = (request: Request, payment: Payment) => Response | Promise<Response>

/** Opens a shop whose paywall is real; `answer` is what it sells. */
export async function openShop(
  world: World,
  terms: Partial<Endpoint> & { options?: Partial<PaywallOptions>; answer?: Sells } = {},
): Promise<Shop> {
  const { options, answer = () => new Response('sunny'), ...rest } = terms
  const served = await serve(() => new Response('closed', { status: 500 }))
  const url = `${served.origin}/weather`
  const endpoint = await world.endpoint({ ...rest, url })
  const wall = paywall(paywallOptions(world, endpoint, options))
  const shop: Shop = Object.assign(served, { endpoint, url, served: [], wall })
  shop.handle = wall.wrap((request, payment) => {
    shop.served.push(payment.paymentId)
    return answer(request, payment)
  })
  return shop
}

/** How a provider of this world sets its paywall up. */
export const paywallOptions = (
  world: World,
  endpoint: Endpoint,
  options: Partial<PaywallOptions> = {},
): PaywallOptions => ({
  edge: world.payos.edges.edges[0]?.url ?? '',
  issuer: world.payos.issuer,
  providerId: endpoint.provider.id,
  endpointId: endpoint.id,
  environment: 'test',
  nowSeconds: () => Math.floor(world.payos.clock.now() / 1000),
  ...options,
})

/** How an agent of this world sets its client up: with time that moves instead of passing. */
export function clientOptions(
  world: World,
  agent: Agent,
  options: Partial<PaymentOptions> = {},
): PaymentOptions {
  return {
    edge: world.payos.edges.edges[0]?.url ?? '',
    issuer: world.payos.issuer,
    apiKey: agent.apiKey,
    walletId: agent.walletId,
    ...(agent.signer && {
      signer: agent.signer.privateKey.export({ format: 'jwk' }) as JsonWebKey,
    }),
    timing: { now: () => world.payos.clock.now(), wait: async () => undefined },
    ...options,
  }
}

/** A new agent, and a paying fetch of its own. */
export async function openAgent(
  world: World,
  options: Partial<PaymentOptions> = {},
  terms: AgentTerms = {},
) {
  const agent = await world.agent(terms)
  return { agent, pay: withPayments(fetch, clientOptions(world, agent, options)) }
}

/** What the edge says the endpoint asks. */
export async function requirementOf(
  world: World,
  endpoint: Endpoint,
): Promise<PaymentRequirements> {
  const { status, body, text } = await world.get(`/v1/x402/endpoints/${endpoint.id}`)
  if (status !== 200) throw new Error(`no quote: ${status} ${text}`)
  return body.requirement
}
