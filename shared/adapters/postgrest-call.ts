import type { Trips } from '../ports.ts'
import type { Failed } from './ledger-rows.ts'

/** An RPC waits at most this long; the function itself gives up after three seconds. */
const TIMEOUT_MS = 6_000

export type LedgerAddress = {
  url: string
  /** Opens the project's API gateway; carries no right. */
  apiKey: string
  /** A token of one database role that may execute its functions and nothing else. */
  token: string
}

/** Calls one function; a PostgREST answer that is not its result comes back as a failure. */
export type Call = (name: string, args: Record<string, unknown>, trips?: Trips) => Promise<Called>
type Called = { ok: true; data: unknown } | { ok: false; failed: Failed }

/**
 * Calls functions of one project as one role, each call sent once and never repeated.
 *
 * What is sent, and what is made of an answer, is what the vendor's client sends and makes.
 */
export function caller({ url, apiKey, token }: LedgerAddress): Call {
  const headers = {
    apikey: apiKey,
    authorization: `Bearer ${token}`,
    'content-profile': 'api',
    'content-type': 'application/json',
  }
  return async (name, args, trips) => {
    const body = JSON.stringify(args)
    const call = () => send(`${url}/rest/v1/rpc/${name}`, { method: 'POST', headers, body })
    const { status, text } = await (trips ? trips.wait('database', call) : call())
    const json = text === '' ? null : parsed(text)
    if (status >= 200 && status < 300 && json !== undefined) return { ok: true, data: json }
    return { ok: false, failed: { code: codeIn(json), status } }
  }
}

/** Status and text of an answer; the status is 0 when none came. */
async function send(url: string, request: RequestInit): Promise<{ status: number; text: string }> {
  try {
    const answer = await fetch(url, { ...request, signal: AbortSignal.timeout(TIMEOUT_MS) })
    return { status: answer.status, text: await answer.text() }
  } catch {
    return { status: 0, text: '' }
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The SQLSTATE or PostgREST code a failure names. */
function codeIn(json: unknown): string {
  const { code } = (json ?? {}) as { code?: unknown }
  return typeof code === 'string' ? code : ''
}
