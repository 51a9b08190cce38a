import { jsonIn } from '../../shared/protocol/answer.ts'
import { isRecord } from '../../shared/protocol/x402.ts'

export type EdgeCallOptions = {
  /** Origin of the PayOS edge. */
  edge: string
  /** The provider's key, `sk_…`. */
  apiKey: string
  fetch?: typeof fetch
}

/** Asks the edge something only this provider may ask. Rejects unless it gave an answer. */
export type EdgeCall = (
  path: '/verify' | '/settle',
  body: Record<string, unknown>,
) => Promise<Record<string, unknown>>

export const edgeCall =
  ({ edge, apiKey, fetch: ask = fetch }: EdgeCallOptions): EdgeCall =>
  async (path, body) => {
    const response = await ask(`${edge}/v1/x402${path}`, {
      method: 'POST',
      redirect: 'manual',
      headers: { Authorization: `Bearer ${apiKey}`, 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(5_000),
    })
    const answer = await jsonIn(response)
    if (response.ok && isRecord(answer)) return answer
    const code = isRecord(answer) ? String(answer['code']) : ''
    throw new Error(`the edge did not say: ${response.status} ${code}`)
  }
