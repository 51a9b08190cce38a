import { alternate } from '../measure/alternate.ts'
import { ofCalls } from '../measure/figure.ts'
import type { Scenario } from '../scenario.ts'
import { openEdge, tripsIn } from '../world/edge.ts'
import { serveProvider } from '../world/provider.ts'

/** What costs nothing: being told the price, by the provider's 402 or by the edge's quote. */
export const unpaid: Scenario = {
  name: 'unpaid',
  title: 'Before anything is paid: the quote and the 402',
  async run(bench) {
    await using edge = await openEdge(bench, {
      population: { agents: 1, wallets: 1, providers: 1 },
    })
    const [party] = edge.parties.providers
    if (!party) throw new Error('nobody to ask')
    await using provider = await serveProvider(edge, party, {
      issuer: edge.payos.issuer,
      awayMs: 0,
    })
    const ask = async (url: string, wanted: number) => {
      const started = performance.now()
      const { status, headers } = await edge.http.send(url)
      const waited = tripsIn(headers['server-timing'])
      if (status !== wanted) throw new Error(`${url} answered ${status}`)
      return { ms: performance.now() - started, trips: waited.length }
    }
    const rounds = await alternate(
      {
        quote: () => ask(`${edge.urls[0]}/v1/x402/endpoints/${party.endpointId}`, 200),
        refusal: () => ask(provider.url, 402),
      },
      { rounds: bench.pick(20, 600), onRound: bench.progress },
    )
    if (rounds.quote.some(({ trips }) => trips > 0)) throw new Error('a warm quote took a trip')
    const about = { unit: 'ms' as const, method: 'one client, closed loop, loopback, warm' }
    return [
      ofCalls(
        {
          ...about,
          name: 'unpaid/402',
          title: "The example provider's 402",
          asserted: 'answered 402',
        },
        rounds.refusal.map(({ ms }) => ms),
      ),
      ofCalls(
        {
          ...about,
          name: 'unpaid/quote',
          title: "The edge's quote",
          asserted: 'answered 200 without a trip',
        },
        rounds.quote.map(({ ms }) => ms),
      ),
    ]
  },
}
