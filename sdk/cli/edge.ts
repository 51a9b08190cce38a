import { isRecord } from '../../shared/protocol/x402.ts'
import { Failure } from './failure.ts'

/** The JSON the edge answers. @throws Failure with the edge's own words when it refuses. */
export async function ask(
  url: string,
  init: RequestInit & { apiKey?: string | undefined },
): Promise<Record<string, unknown>> {
  const { apiKey, ...rest } = init
  const headers = {
    'Content-Type': 'application/json',
    ...(apiKey && { Authorization: `Bearer ${apiKey}` }),
  }
  const signal = AbortSignal.timeout(10_000)
  const response = await fetch(url, { ...rest, headers, redirect: 'manual', signal })
  const body: unknown = await response.json().catch(() => undefined)
  if (response.ok && isRecord(body)) return body
  const { code, detail, hint } = isRecord(body) ? body : {}
  const kind = response.status === 401 ? 'auth' : response.status < 500 ? 'refused' : 'dependency'
  const said = code === undefined ? `it answered ${response.status}` : `${code}. ${detail} ${hint}`
  throw new Failure(kind, said, { code, status: response.status })
}
