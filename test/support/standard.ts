import type { Body } from './http.ts'
import type { Endpoint } from './world.ts'

/** What a server pays with: a proof and the request id it was made for. */
export type Presented = { proof: string; requestId: string; endpoint: Endpoint }

/** Members to replace; `undefined` leaves one out. */
export type Changes = {
  x402Version?: unknown
  payload?: Body
  /** Of what the server requires now, of which it also made the offer. */
  requirements?: Body
  /** Of the offer and of what is required. */
  both?: Body
  extensions?: Body
}

/** The body that the open standard's servers send to a facilitator, for `/verify` and `/settle`. */
export function standardBody(
  { proof, requestId, endpoint }: Presented,
  { x402Version = 2, payload, requirements, both, extensions }: Changes = {},
): Body {
  const offer = {
    scheme: 'payos-ticket',
    network: 'payos:test',
    amount: endpoint.price,
    asset: endpoint.currency,
    payTo: endpoint.provider.id,
    maxTimeoutSeconds: 120,
    extra: { issuer: 'https://edge.payos.test', endpointId: endpoint.id, pv: 1 },
    ...both,
  }
  return {
    x402Version,
    paymentPayload: {
      x402Version,
      resource: { url: endpoint.url },
      accepted: offer,
      payload: { proof, requestId, ...payload },
      ...(extensions && { extensions }),
    },
    paymentRequirements: { ...offer, ...requirements },
  }
}
