/** What an endpoint costs now, as the edge tells it. */
export type Quote = {
  method: string
  priceVersion: number
  requirement: { amount: string; asset: string; network: string }
}

/** A price stays good for whoever was quoted it, this long. */
const QUOTED_MS = 180_000
const FRESH_MS = 30_000

/**
 * Asks the edge for quotes, each at most every half minute, and keeps the last one while the edge
 * is away. `priceOf` answers what a price version costs: an old one for 180 s more, else today's.
 */
export function quotesFrom(edge: string) {
  const known = new Map<string, { quote: Quote; at: number }>()
  const quoted = new Map<string, { amount: string; until: number }>()

  return async (endpointId: string) => {
    const last = known.get(endpointId)
    const isFresh = last !== undefined && Date.now() - last.at < FRESH_MS
    const quote = isFresh ? last.quote : ((await ask(edge, endpointId)) ?? last?.quote)
    if (!quote) throw new Error(`no quote for ${endpointId}`)
    if (!isFresh) known.set(endpointId, { quote, at: Date.now() })

    const { amount } = quote.requirement
    quoted.set(`${endpointId} ${quote.priceVersion}`, { amount, until: Date.now() + QUOTED_MS })
    const priceOf = (version: number) => {
      const price = quoted.get(`${endpointId} ${version}`)
      return BigInt(price && price.until > Date.now() ? price.amount : amount)
    }
    return { ...quote, priceOf }
  }
}

async function ask(edge: string, endpointId: string): Promise<Quote | undefined> {
  const signal = AbortSignal.timeout(5_000)
  const answer = await fetch(`${edge}/v1/x402/endpoints/${endpointId}`, { signal }).catch(
    () => undefined,
  )
  return answer?.ok ? ((await answer.json()) as Quote) : undefined
}
