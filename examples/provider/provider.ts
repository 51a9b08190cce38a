import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Answer, paymentRequired, proofsIn, send, weather } from './answers.ts'
import { proofChecker } from './proof.ts'
import { quotesFrom } from './quotes.ts'

export type ProviderOptions = {
  /** The origin of the edge, and the only issuer whose proofs count. */
  edge: string
  /** Where agents call this provider. */
  origin: string
  providerId: string
  /** The endpoint registered for each path. */
  routes: Record<string, string>
}

/** An API whose routes are paid for: 402 with the price, and 200 for whoever brings a proof. */
export function createProvider({ edge, origin, providerId, routes }: ProviderOptions) {
  const check = proofChecker(edge)
  const quoteOf = quotesFrom(edge)

  async function serve(request: IncomingMessage): Promise<Answer> {
    const url = new URL(origin + request.url)
    const endpointId = routes[url.pathname]
    if (!endpointId) return { status: 404, body: { error: 'not_found' } }

    const quote = await quoteOf(endpointId)
    const { method, priceOf, requirement } = quote
    if (request.method !== method) return { status: 405, body: {}, headers: { allow: method } }
    if (requirement.amount === '0') return { status: 200, body: weather(url) }

    const [proof, ...others] = proofsIn(request)
    const unpaid = (reason: string) => paymentRequired(url, quote, { edge, reason })
    if (proof === undefined) return unpaid('payment_required')
    if (others.length > 0) return unpaid('ambiguous_proof')

    const started = performance.now()
    const { network, asset } = requirement
    const expected = { issuer: edge, providerId, endpointId, network, asset, priceOf, method, url }
    const checked = await check(proof, expected)
    if (!checked.ok) return unpaid(checked.reason)
    const timing = `verify;dur=${(performance.now() - started).toFixed(2)}`
    const body = { ...weather(url), paymentId: checked.paymentId }
    return { status: 200, body, headers: { 'server-timing': timing } }
  }

  const outage: Answer = {
    status: 503,
    body: { error: 'try_again' },
    headers: { 'retry-after': '1' },
  }
  return async (request: IncomingMessage, response: ServerResponse): Promise<void> =>
    send(response, await serve(request).catch(() => outage))
}
