import { alternate } from '../measure/alternate.ts'
import { ofRounds, ratioOf } from '../measure/figure.ts'
import type { Scenario } from '../scenario.ts'
import { assertBooks } from '../world/databases.ts'
import { orders, SqlPayers } from '../world/payers.ts'

const CLIENTS = 16

/** One provider or a thousand, one wallet or a thousand: what sharing a row costs. */
export const contention: Scenario = {
  name: 'contention',
  title: 'Hot providers and hot wallets, 16 clients, over the wire protocol',
  async run(bench) {
    const many = bench.pick(50, 1000)
    await using world = await bench.databases.open({
      agents: 16,
      wallets: many,
      providers: many,
    })
    await using payers = await SqlPayers.open(world, CLIENTS)
    const load = { clients: CLIENTS, seconds: bench.pick(0.3, 3) }
    const rate = (among: { wallets: number; providers: number }) => async () =>
      (await payers.drive(load, orders(world.parties, among))).perSecond
    const rounds = await alternate(
      {
        'all-cold': rate({ wallets: many, providers: many }),
        'hot-provider': rate({ wallets: many, providers: 1 }),
        'hot-wallet': rate({ wallets: 1, providers: many }),
        'both-hot': rate({ wallets: 1, providers: 1 }),
      },
      { rounds: bench.pick(1, 4), onRound: bench.progress },
    )
    await assertBooks(world, payers.made)

    const titles = {
      'all-cold': `${many} wallets, ${many} providers`,
      'hot-provider': `${many} wallets, one provider`,
      'hot-wallet': `One wallet, ${many} providers`,
      'both-hot': 'One wallet, one provider',
    }
    return (Object.keys(titles) as (keyof typeof titles)[]).map((name) =>
      ofRounds(
        {
          name: `contention/${name}`,
          title: titles[name],
          unit: '/s',
          method: 'closed loop, commits durable, prepared statements',
          asserted: 'every payment settled; books balance',
          ratio: {
            to: 'contention/all-cold',
            value: ratioOf(rounds[name], rounds['all-cold']),
          },
        },
        rounds[name],
      ),
    )
  },
}
