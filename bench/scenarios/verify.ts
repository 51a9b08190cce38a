import { randomUUID } from 'node:crypto'
import { alternate } from '../measure/alternate.ts'
import { ofCalls } from '../measure/figure.ts'
import type { Scenario } from '../scenario.ts'
import { type Edge, openEdge, tripsIn } from '../world/edge.ts'
import { newOrder } from '../world/order.ts'
import type { Provider, Wallet } from '../world/population.ts'

/** `POST /verify`: by the proof alone, asked by its provider, and claiming its first use. */
export const verify: Scenario = {
  name: 'verify',
  title: 'POST /verify',
  async run(bench) {
    await using edge = await openEdge(bench, {
      population: { agents: 1, wallets: 1, providers: 1 },
    })
    const [wallet, provider] = [edge.parties.wallets[0], edge.parties.providers[0]]
    if (!wallet || !provider) throw new Error('nobody there')
    const rounds = bench.pick(20, 500)
    const { local, remote, consume } = await alternate(asked(edge, { wallet, provider }), {
      rounds,
      onRound: bench.progress,
    })
    const about = {
      unit: 'ms' as const,
      method: 'one client, the three in turn; loopback',
      asserted: 'valid, with the trips of its kind',
    }
    return [
      ofCalls({ ...about, name: 'verify/local', title: 'By the proof alone, no trip' }, local),
      ofCalls({ ...about, name: 'verify/remote', title: 'For its provider, one trip' }, remote),
      ofCalls({ ...about, name: 'verify/consume', title: 'With its first use, one trip' }, consume),
    ]
  },
}

function asked(edge: Edge, { wallet, provider }: { wallet: Wallet; provider: Provider }) {
  const { endpointId, apiKey } = provider
  const ask = async (body: object, key: string | undefined, trips: string) => {
    const { proof } = await edge.pay(newOrder(wallet, provider))
    const started = performance.now()
    const answer = await edge.http.send(`${edge.urls[0]}/v1/x402/verify`, {
      headers: key === undefined ? {} : { authorization: `Bearer ${key}` },
      body: JSON.stringify({ proof, endpointId, ...body }),
    })
    const ms = performance.now() - started
    const came = tripsIn(answer.headers['server-timing']).join()
    if (!JSON.parse(answer.text).valid || came !== trips) {
      throw new Error(`verify, after "${came}": ${answer.text}`)
    }
    return ms
  }
  return {
    local: () => ask({}, undefined, ''),
    remote: () => ask({}, apiKey, 'database'),
    consume: () => ask({ consume: true, attemptId: randomUUID() }, apiKey, 'database'),
  }
}
