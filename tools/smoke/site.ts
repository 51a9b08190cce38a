import { jsonIn } from '../cli/json.ts'

/** A PayOS edge to look at, and what is known to look with. */
export type Site = {
  url: string
  /** The `iss` its proofs must have. */
  issuer: string
  metricsToken: string | undefined
  /** Who pays the test call; absent: none is made. */
  payer: Payer | undefined
}

export type Payer = {
  apiKey: string
  walletId: string
  endpointId: string
  /** The private key, when the agent signs. */
  signer: { x: string; d: string } | undefined
}

export type Reply = { status: number; headers: Headers; text: string; body: unknown }

const TIMEOUT_MS = 10_000

/** Asks the edge; only a failure to answer throws. */
export async function ask(site: Site, path: string, init: RequestInit = {}): Promise<Reply> {
  const signal = AbortSignal.timeout(TIMEOUT_MS)
  const response = await fetch(site.url + path, { ...init, signal, redirect: 'manual' })
  const text = await response.text()
  return { status: response.status, headers: response.headers, text, body: jsonIn(text) }
}

/** The reply, when it has this status; else the problem it tells, as an error. */
export function demand(reply: Reply, status: number): Reply {
  if (reply.status === status) return reply
  const { code, detail } = (reply.body ?? {}) as { code?: unknown; detail?: unknown }
  const told = typeof code === 'string' ? `: ${code}, ${String(detail)}` : ''
  throw new Error(`answered ${reply.status}, not ${status}${told}`)
}
