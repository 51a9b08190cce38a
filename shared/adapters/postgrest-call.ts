import { PostgrestClient } from '@supabase/postgrest-js'
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

/** Calls functions of one project as one role. */
export function caller({ url, apiKey, token }: LedgerAddress): Call {
  const client = new PostgrestClient(`${url}/rest/v1`, {
    schema: 'api',
    headers: { apikey: apiKey, authorization: `Bearer ${token}` },
  })
  return async (name, args, trips) => {
    const call = async () =>
      client.rpc(name, args).retry(false).abortSignal(AbortSignal.timeout(TIMEOUT_MS))
    const { data, error, status } = await (trips ? trips.wait('database', call) : call())
    return error ? { ok: false, failed: { code: error.code ?? '', status } } : { ok: true, data }
  }
}
