import { alternate } from '../measure/alternate.ts'
import { ofRounds, ratioOf } from '../measure/figure.ts'
import type { Bench, Figure, Scenario } from '../scenario.ts'
import { assertBooks } from '../world/databases.ts'
import { orders, SqlPayers } from '../world/payers.ts'

const CLIENTS = [1, 4, 16, 32] as const

/** The settling function over the wire protocol: no gateway, no edge, prepared statements. */
export const ledger: Scenario = {
  name: 'ledger',
  title: 'The settling function alone, over the wire protocol',
  async run(bench) {
    return [...(await manyPayers(bench)), ...(await hotPayer(bench))]
  },
}

const method = 'closed loop, commits durable; the callers share the cores with the server'
const asserted = 'every payment settled; the ledger has exactly that many; books balance'

async function manyPayers(bench: Bench): Promise<Figure[]> {
  await using world = await bench.databases.open({
    agents: 16,
    wallets: bench.pick(500, 10_000),
    providers: 1,
  })
  await using payers = await SqlPayers.open(world, Math.max(...CLIENTS))
  const next = orders(world.parties)
  const seconds = bench.pick(0.3, 3)
  const contenders = Object.fromEntries(
    CLIENTS.map((clients) => [
      `payers-${clients}`,
      async () => (await payers.drive({ clients, seconds }, next)).perSecond,
    ]),
  )
  const rounds = await alternate(contenders, {
    rounds: bench.pick(1, 5),
    onRound: bench.progress,
  })
  await assertBooks(world, payers.made)

  const rates = (clients: number) => rounds[`payers-${clients}`] ?? []
  const budgets: Partial<Record<number, Figure['budget']>> = { 16: { atLeast: 5000 } }
  return CLIENTS.map((clients) => {
    const budget = budgets[clients]
    return ofRounds(
      {
        name: `ledger/payers-${clients}`,
        title: `${world.parties.wallets.length} payers, one provider, ${clients} clients`,
        unit: '/s',
        method,
        asserted,
        ratio: { to: 'ledger/payers-4', value: ratioOf(rates(clients), rates(4)) },
        ...(budget && { budget }),
      },
      rates(clients),
    )
  })
}

async function hotPayer(bench: Bench): Promise<Figure[]> {
  await using world = await bench.databases.open({ agents: 1, wallets: 1, providers: 1 })
  await using payers = await SqlPayers.open(world, 16)
  const next = orders(world.parties)
  const seconds = bench.pick(0.3, 3)
  const rate = (clients: number) => async () =>
    (await payers.drive({ clients, seconds }, next)).perSecond
  const rounds = await alternate(
    { 'hot-1': rate(1), 'hot-16': rate(16) },
    { rounds: bench.pick(1, 4) },
  )
  await assertBooks(world, payers.made)

  const about = { unit: '/s' as const, method, asserted }
  return [
    ofRounds(
      {
        ...about,
        name: 'ledger/hot-1',
        title: 'One payer, 1 client',
        budget: { atLeast: 2000 },
      },
      rounds['hot-1'],
    ),
    ofRounds({ ...about, name: 'ledger/hot-16', title: 'One payer, 16 clients' }, rounds['hot-16']),
  ]
}
