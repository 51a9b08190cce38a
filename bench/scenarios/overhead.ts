import { alternate } from '../measure/alternate.ts'
import { ofCalls, ratioOf } from '../measure/figure.ts'
import type { Scenario } from '../scenario.ts'
import { assertBooks } from '../world/databases.ts'
import { openEdge } from '../world/edge.ts'
import { orders, payByGateway, SqlPayers } from '../world/payers.ts'

/** What the gateway adds to the ledger's own time, and what the edge adds to the gateway's. */
export const overhead: Scenario = {
  name: 'overhead',
  title: 'One payment at a time: ledger, gateway, edge',
  async run(bench) {
    await using edge = await openEdge(bench, {
      population: {
        ...{ agents: 4, wallets: bench.pick(100, 2000), providers: 1 },
        signing: bench.pick(100, 2000),
      },
    })
    await using payers = await SqlPayers.open(edge, 1)
    const next = orders(edge.parties)
    const nextSigned = orders({ ...edge.parties, wallets: edge.parties.signing })
    const turns = bench.pick(30, 1500)
    let made = 0
    const timed = (run: () => Promise<unknown>) => async () => {
      const started = performance.now()
      await run()
      return performance.now() - started
    }
    const counted = (run: () => Promise<unknown>) =>
      timed(async () => {
        await run()
        made += 1
      })
    const samples = await alternate(
      {
        sql: timed(() => payers.once(next())),
        gateway: counted(() => payByGateway(edge, edge.http, next())),
        edge: counted(() => edge.pay(next())),
        signed: counted(() => edge.pay(nextSigned(), { signed: true })),
      },
      { rounds: turns, onRound: bench.progress },
    )
    await assertBooks(edge, made + payers.made)

    const titles = {
      sql: 'The settling function over the wire protocol',
      gateway: 'The same through the local gateway',
      edge: 'The same through the edge',
      signed: 'Through the edge, the request signed',
    }
    return (Object.keys(titles) as (keyof typeof titles)[]).map((name) =>
      ofCalls(
        {
          name: `overhead/${name}`,
          title: titles[name],
          unit: 'ms',
          method: 'one client, the four in turn, payment by payment; loopback, commits durable',
          asserted: 'every payment settled; books balance',
          ratio: { to: 'overhead/sql', value: ratioOf(samples[name], samples.sql) },
        },
        samples[name],
      ),
    )
  },
}
