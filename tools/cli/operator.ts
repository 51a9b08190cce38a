import { PostgrestClient } from '@supabase/postgrest-js'
import { CommandFailure, dependency } from './failure.ts'
import type { Target } from './target.ts'

/** Roll-ups and payouts may take half a minute by their own limit. */
const TIMEOUT_MS = 35_000

/** Calls one of the operator's functions; what it does not do is a `CommandFailure`. */
export type Operator = (name: string, args?: Record<string, unknown>) => Promise<unknown>

/** The ledger, by the role that may bring parties in and set policies and prices. */
export function connectOperator({ url, apiKey, token }: Target['supabase']): Operator {
  const client = new PostgrestClient(`${url}/rest/v1`, {
    schema: 'api',
    headers: { apikey: apiKey, authorization: `Bearer ${token}` },
  })
  return async (name, args = {}) => {
    const { data, error, status } = await client
      .rpc(name, args)
      .retry(false)
      .abortSignal(AbortSignal.timeout(TIMEOUT_MS))
    if (error) throw failureOf({ code: error.code ?? '', message: error.message, status })
    return data
  }
}

type Failed = { code: string; message: string; status: number }

/** Said in our words, for codes whose own message would only make sense beside the SQL. */
const refusals: Record<string, string> = {
  '23502': 'what the command names is not in the ledger, or something is missing',
  '23503': 'what the command names is not in the ledger: check the ids',
  '23514': 'the ledger does not take that value',
  '22P02': 'the ledger cannot read that value',
  '22003': 'the amount is too large',
}

function failureOf({ code, message, status }: Failed): CommandFailure {
  if (status === 0)
    return dependency('the ledger did not answer; the command may have been applied')
  if (status === 401 || status === 403 || code === '42501') {
    return new CommandFailure('auth', `the operator's token is not accepted (${code || status})`)
  }
  if (code === 'PGRST202' || code === 'PGRST106') {
    return dependency(`the database lacks this function: run the migrations (${code})`)
  }
  if (/^(22|23|PT)/.test(code)) {
    return new CommandFailure('refused', refusals[code] ?? message.split('\n')[0] ?? code)
  }
  return dependency(`the ledger cannot do it now (${code || status}); the command may be repeated`)
}
