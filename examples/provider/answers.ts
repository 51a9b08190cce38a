import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Quote } from './quotes.ts'

export type Answer = { status: number; body: object; headers?: Record<string, string> }

/** The 402: the price in the open standard's header, and a body that says what to do. */
export function paymentRequired(
  url: URL,
  quote: Quote,
  why: { edge: string; reason: string },
): Answer {
  const body = {
    x402Version: 2,
    error: why.reason,
    resource: { url: url.href, description: url.pathname.slice(1), mimeType: 'application/json' },
    accepts: [quote.requirement],
  }
  const hint = `POST ${why.edge}/v1/x402/pay, then repeat this request with X-Payment-JWT: <proof>`
  const header = Buffer.from(JSON.stringify(body)).toString('base64')
  return { status: 402, body: { ...body, hint }, headers: { 'payment-required': header } }
}

/** What is sold here. */
export const weather = ({ pathname, searchParams }: URL) => ({
  report: pathname.slice(1),
  city: searchParams.get('city') ?? 'lima',
  celsius: 19,
  sky: 'overcast',
})

/** Every proof the request carries: bare, or wrapped as the open standard does. */
export function proofsIn({ headersDistinct }: IncomingMessage): string[] {
  const bare = headersDistinct['x-payment-jwt'] ?? []
  return [...bare, ...(headersDistinct['payment-signature'] ?? []).map(unwrap)]
}

function unwrap(text: string): string {
  try {
    return String(JSON.parse(Buffer.from(text, 'base64').toString()).payload.proof)
  } catch {
    return ''
  }
}

export function send(response: ServerResponse, { status, body, headers }: Answer): void {
  const common = { 'content-type': 'application/json', 'cache-control': 'no-store' }
  response.writeHead(status, { ...common, ...headers }).end(`${JSON.stringify(body)}\n`)
}
