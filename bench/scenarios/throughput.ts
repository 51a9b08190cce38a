import { alternate } from '../measure/alternate.ts'
import { drive } from '../measure/drive.ts'
import { ofRounds, ratioOf } from '../measure/figure.ts'
import type { Bench, Figure, Scenario } from '../scenario.ts'
import { assertBooks } from '../world/databases.ts'
import { openEdge } from '../world/edge.ts'
import { orders, SqlPayers } from '../world/payers.ts'
import { startWorker } from '../world/worker.ts'

const CLIENTS = [1, 8, 32, 128] as const

/** Payments a second through everything, beside the ledger alone and a Worker that does nothing. */
export const throughput: Scenario = {
  name: 'throughput',
  title: 'Payments a second, by clients and by edges',
  async run(bench) {
    const figures: Figure[] = []
    for (const edges of [1, 3, 6]) figures.push(...(await withEdges(bench, edges)))
    return figures
  },
}

const names = ['edge', 'sql', 'hello'] as const
type Name = (typeof names)[number]

async function withEdges(bench: Bench, edges: number): Promise<Figure[]> {
  await using edge = await openEdge(bench, {
    population: { agents: 64, wallets: bench.pick(500, 10_000), providers: 1 },
    locations: edges,
  })
  await using payers = await SqlPayers.open(edge, Math.max(...CLIENTS))
  await using hello = await startWorker(bench.bundles.hello)
  const next = orders(edge.parties)
  const seconds = bench.pick(0.3, 2)
  let made = 0
  const rates = (clients: number): Record<Name, () => Promise<number>> => ({
    edge: async () => {
      const run = async (client: number) => {
        await edge.pay(next(), { edge: client % edges })
        made += 1
      }
      return (await drive({ clients, seconds, run })).perSecond
    },
    sql: async () => (await payers.drive({ clients, seconds }, next)).perSecond,
    hello: async () => {
      const run = async () => {
        if ((await edge.http.send(hello.url)).status !== 200) throw new Error('no greeting')
      }
      return (await drive({ clients, seconds, run })).perSecond
    },
  })

  const figures: Figure[] = []
  for (const [at, clients] of CLIENTS.entries()) {
    bench.progress(at, CLIENTS.length, `${edges} edges, ${clients} clients`)
    // The limits are the same however many edges there are: they are taken once.
    const { edge: pays, sql, hello } = rates(clients)
    const wanted = edges === 1 ? { edge: pays, sql, hello } : { edge: pays, sql }
    const rounds = await alternate<Name, number>(wanted as Record<Name, () => Promise<number>>, {
      rounds: bench.pick(1, 3),
    })
    figures.push(...figuresOf(rounds, { edges, clients }))
  }
  await assertBooks(edge, made + payers.made)
  return figures
}

function figuresOf(
  rounds: Record<Name, number[]>,
  { edges, clients }: { edges: number; clients: number },
): Figure[] {
  const titles = {
    edge: `Through ${edges} edge${edges === 1 ? '' : 's'}, ${clients} clients`,
    sql: `The ledger alone, ${clients} clients`,
    hello: `A hello-world Worker, ${clients} clients`,
  }
  const shown = edges === 1 ? names : (['edge'] as const)
  return shown.map((name) =>
    ofRounds(
      {
        name: `throughput/${name}${name === 'edge' ? `-${edges}` : ''}-c${clients}`,
        title: titles[name],
        unit: '/s',
        method: 'closed loop on one machine: clients, edges, gateway and database share its cores',
        asserted: 'every payment settled; the ledger has exactly that many; books balance',
        ratio: { to: `throughput/sql-c${clients}`, value: ratioOf(rounds[name], rounds.sql) },
      },
      rounds[name],
    ),
  )
}
