import { type IncomingMessage, request } from 'node:http'
import { canonical } from './message.ts'

/** What a destination answered. */
export type Answer = { status: number; headers: Record<string, string[]>; body: Buffer }

export type Delivery = {
  url: string
  method: string
  headers: Record<string, string>
  body: Buffer
  signal: AbortSignal
}

/** Why this stand-in will never deliver to a URL, or undefined when it can. */
export function unreachable(text: string): string | undefined {
  const url = new URL(text)
  if (!isLoopback(url.hostname)) {
    return `${url.hostname} is not a loopback address: a local stand-in delivers nowhere else`
  }
  return url.protocol === 'http:' ? undefined : 'a local stand-in delivers over plain http only'
}

const isLoopback = (host: string) =>
  host === 'localhost' ||
  host.endsWith('.localhost') ||
  host === '[::1]' ||
  /^127(\.\d{1,3}){3}$/.test(host)

/**
 * Sends one request, its path and query to the byte as they were published.
 *
 * Plain `node:http`, because `fetch` rewrites paths, refuses some forwarded headers and has no GET
 * with a body.
 */
export async function send(delivery: Delivery): Promise<Answer> {
  const url = new URL(delivery.url)
  const incoming = await new Promise<IncomingMessage>((resolve, reject) => {
    const outgoing = request({
      host: url.hostname.replace(/^\[|\]$/g, ''),
      port: url.port,
      path: rawPath(delivery.url),
      method: delivery.method,
      headers: { ...delivery.headers, host: url.host, 'content-length': delivery.body.length },
      signal: delivery.signal,
      agent: false,
    })
    outgoing.once('response', resolve)
    outgoing.once('error', reject)
    outgoing.end(delivery.body)
  })
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk as Buffer)
  return {
    status: incoming.statusCode ?? 0,
    headers: headersOf(incoming),
    body: Buffer.concat(chunks),
  }
}

function rawPath(url: string): string {
  const path = url.replace(/^https?:\/\/[^/?#]*/i, '').replace(/#.*$/, '')
  return path.startsWith('/') ? path : `/${path}`
}

function headersOf(incoming: IncomingMessage): Record<string, string[]> {
  const headers: Record<string, string[]> = {}
  for (const [name, values] of Object.entries(incoming.headersDistinct)) {
    headers[canonical(name)] = values ?? []
  }
  return headers
}
