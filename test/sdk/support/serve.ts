import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'

export type Handler = (request: Request) => Response | Promise<Response>

export type Served = {
  origin: string
  /** Every request that arrived, in order. */
  requests: Request[]
  stop: () => Promise<void>
}

/** Serves a handler on loopback; `handle` may be replaced while it runs. */
export async function serve(handle: Handler): Promise<Served & { handle: Handler }> {
  const requests: Request[] = []
  const served = { handle, requests, origin: '', stop: () => Promise.resolve() }
  const server = createServer((incoming, outgoing) => {
    const request = requestFrom(incoming, served.origin)
    requests.push(request.clone() as Request)
    Promise.resolve(served.handle(request)).then(
      (response) => send(response, outgoing),
      () => outgoing.writeHead(500).end('thrown'),
    )
  })
  served.origin = await listen(server)
  served.stop = () => close(server)
  return served
}

/** Starts a server of node:http on a free port of loopback; answers its origin. */
export async function listen(server: ReturnType<typeof createServer>): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** A port of loopback nobody listens on, for what must be known by its address beforehand. */
export async function freePort(): Promise<number> {
  const server = createServer()
  const origin = await listen(server)
  await close(server)
  return Number.parseInt(new URL(origin).port, 10)
}

export function close(server: ReturnType<typeof createServer>): Promise<void> {
  server.closeAllConnections()
  return new Promise((resolve) => server.close(() => resolve()))
}

function requestFrom(incoming: IncomingMessage, origin: string): Request {
  const headers = new Headers()
  const raw = incoming.rawHeaders
  for (let at = 0; at < raw.length; at += 2) headers.append(raw[at] ?? '', raw[at + 1] ?? '')
  const method = incoming.method ?? 'GET'
  const hasBody = method !== 'GET' && method !== 'HEAD'
  return new Request(origin + incoming.url, {
    method,
    headers,
    ...(hasBody && { body: Readable.toWeb(incoming) as ReadableStream, duplex: 'half' }),
  } as RequestInit)
}

function send(response: Response, outgoing: ServerResponse): void {
  outgoing.writeHead(response.status, Object.fromEntries(response.headers))
  outgoing.flushHeaders()
  if (!response.body) {
    outgoing.end()
    return
  }
  Readable.fromWeb(response.body as never)
    .on('error', () => outgoing.destroy())
    .pipe(outgoing)
}
