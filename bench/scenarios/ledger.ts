import { alternate } from '../measure/alternate.ts'
import type { Drive } from '../measure/drive.ts'
import { ofRounds, ratioOf } from '../measure/figure.ts'
import { cpuMsOf } from '../measure/process.ts'
import type { Bench, Figure, Scenario } from '../scenario.ts'
import { bareCall } from '../world/bare.ts'
import { assertBooks, type World } from '../world/databases.ts'
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
  await using bare = await SqlPayers.open(world, 16, bareCall(world))
  const next = orders(world.parties)
  const seconds = bench.pick(0.3, 3)
  const cost: Cost = { payers: await backendsOf(world), server: [], caller: [] }
  const contenders = Object.fromEntries(
    CLIENTS.map((clients) => [
      `payers-${clients}`,
      async () => {
        const run = () => payers.drive({ clients, seconds }, next)
        return clients === 16 ? await withCost(cost, run) : (await run()).perSecond
      },
    ]),
  )
  const rounds = await alternate(
    {
      ...contenders,
      'bare-16': async () => (await bare.drive({ clients: 16, seconds }, next)).perSecond,
    },
    { rounds: bench.pick(1, 5), onRound: bench.progress },
  )
  await assertBooks(world, payers.made + bare.made)
  return [...ratesOf(world, rounds), ...costOf(cost)]
}

function ratesOf(world: World, rounds: Record<string, number[]>): Figure[] {
  const rates = (clients: number) => rounds[`payers-${clients}`] ?? []
  const budgets: Partial<Record<number, Figure['budget']>> = { 16: { atLeast: 5000 } }
  const payers = CLIENTS.map((clients) => {
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
  const bare = rounds['bare-16'] ?? []
  const floor = ofRounds(
    {
      name: 'ledger/bare-16',
      title: 'The bare statements without judgement, 16 clients',
      unit: '/s',
      method: `${method}; one statement that writes the same rows and reads none`,
      asserted,
      ratio: { to: 'ledger/payers-16', value: ratioOf(bare, rates(16)) },
    },
    bare,
  )
  return [...payers, floor]
}

/** CPU time of the server's sessions and of this process, in µs a payment, drive by drive. */
type Cost = { payers: number[]; server: number[]; caller: number[] }

async function withCost(cost: Cost, run: () => Promise<Drive>): Promise<number> {
  const before = await cpuMsOf(cost.payers)
  const usage = process.cpuUsage()
  const { count, perSecond } = await run()
  const { user, system } = process.cpuUsage(usage)
  const after = await cpuMsOf(cost.payers)
  cost.caller.push((user + system) / count)
  if (before !== undefined && after !== undefined) {
    cost.server.push(((after - before) * 1000) / count)
  }
  return perSecond
}

function costOf({ server, caller }: Cost): Figure[] {
  const about = {
    unit: 'µs' as const,
    method: 'user and system time of the drives by 16 clients, the first one included',
    asserted,
  }
  const name = 'ledger/server-cpu'
  const callers = ofRounds(
    { ...about, name: 'ledger/caller-cpu', title: 'CPU per payment of the callers themselves' },
    caller,
  )
  if (server.length === 0) return [callers]
  const title = 'CPU per payment of the sessions that settle'
  const ratio = { to: name, value: ratioOf(caller, server) }
  return [ofRounds({ ...about, name, title }, server), { ...callers, ratio }]
}

async function backendsOf({ sql }: World): Promise<number[]> {
  const rows = await sql`
    select pid from pg_stat_activity
    where datname = current_database() and usename = 'authenticator'`
  return rows.map((row) => row['pid'])
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
