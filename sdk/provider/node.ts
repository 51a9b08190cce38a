import type { Gate } from './gate.ts'
import type { Payment } from './proof.ts'

/** A request of `node:http`, as Express, Fastify and plain servers hand it over. */
export type NodeRequest = {
  method?: string | undefined
  url?: string | undefined
  /** Before a router cut off what it was mounted at. */
  originalUrl?: string | undefined
  headers: Record<string, string | string[] | undefined>
}

/** A response of `node:http`. */
export type NodeResponse = {
  statusCode: number
  headersSent: boolean
  setHeader(name: string, value: string): unknown
  writeHead(status: number, ...rest: never[]): unknown
  end(body?: string): unknown
  once(event: 'close', listener: () => void): unknown
}

/**
 * Lets a request through, or answers it and gives nothing.
 *
 * The claim is given back when the connection closes on an answer from 400 on, or on none. A hold is
 * captured or voided then, when it is too late to withhold the answer.
 */
export async function admitNode(
  gate: Gate,
  request: NodeRequest,
  response: NodeResponse,
): Promise<Payment | undefined> {
  const admission = await gate.admit({
    method: request.method ?? 'GET',
    target: request.originalUrl ?? request.url ?? '/',
    header: (name) => request.headers[name.toLowerCase()]?.toString(),
  })
  if (!admission.ok) {
    const { status, headers, body } = admission.answer
    response.statusCode = status
    setAll(response, headers)
    response.end(body)
    return undefined
  }
  const { payment, headers, finish } = admission
  keepHeaders(response, headers)
  response.once('close', () => {
    void finish(response.headersSent && response.statusCode < 400)
  })
  return payment
}

function setAll(response: NodeResponse, headers: Record<string, string>): void {
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
}

/** Sets headers last of all, so that no handler lets a cache keep what was paid for. */
function keepHeaders(response: NodeResponse, headersNow: () => Record<string, string>): void {
  const writeHead = response.writeHead.bind(response)
  response.writeHead = (status: number, ...rest: unknown[]) => {
    const headers = headersNow()
    const names = new Set(Object.keys(headers).map((name) => name.toLowerCase()))
    setAll(response, headers)
    const kept = rest.map((part) => (isHeaders(part) ? without(part, names) : part))
    return writeHead(status, ...(kept as never[]))
  }
}

const isHeaders = (part: unknown): part is Record<string, unknown> =>
  typeof part === 'object' && part !== null && !Array.isArray(part)

const without = (headers: Record<string, unknown>, names: ReadonlySet<string>) =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !names.has(name.toLowerCase())))
