import { alternate } from '../measure/alternate.ts'
import { drive } from '../measure/drive.ts'
import { ofRounds, ratioOf } from '../measure/figure.ts'
import type { Bench, Figure, Scenario } from '../scenario.ts'
import { type Edge, openEdge } from '../world/edge.ts'
import { type Leases, openLeases } from '../world/leases.ts'
import { orders, SqlPayers } from '../world/payers.ts'
import { startWorker } from '../world/worker.ts'

const CLIENTS = [1, 8, 32, 128] as const
/** With more clients than this one machine's Redis is late, and async payments become sync. */
const ASYNC_CLIENTS_MAX = 32
/** Those who pay from leases, each often enough to need one. */
const BORROWERS = 32
const ASYNC_SECONDS = 4

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

/** What a round of a contender came to, a second. */
type Rates = { answered: number; settled: number; held: number }
type Run = (load: { clients: number; seconds: number }) => Promise<Rates>
type Name = 'edge' | 'async' | 'sql' | 'hello'

async function withEdges(bench: Bench, edges: number): Promise<Figure[]> {
  await using edge = await openEdge(bench, {
    population: { agents: 64, wallets: bench.pick(500, 10_000), providers: 1 },
    locations: edges,
  })
  await using payers = await SqlPayers.open(edge, Math.max(...CLIENTS))
  await using hello = await startWorker(bench.bundles.hello)
  const leases = await openLeases(edge, edge.parties.wallets.slice(0, BORROWERS))
  const through = throughEdges({ edge, edges, leases })
  const next = orders(edge.parties)
  const runs: Record<Name, Run> = {
    edge: through.sync,
    async: (load) => through.async({ ...load, seconds: bench.pick(load.seconds, ASYNC_SECONDS) }),
    sql: async (load) => only((await payers.drive(load, next)).perSecond),
    hello: async (load) => {
      const run = async () => {
        if ((await edge.http.send(hello.url)).status !== 200) throw new Error('no greeting')
      }
      return only((await drive({ ...load, run })).perSecond)
    },
  }

  const figures: Figure[] = []
  const levels = bench.pick([1, 32], [...CLIENTS])
  for (const [at, clients] of levels.entries()) {
    bench.progress(at, levels.length, `${edges} edges, ${clients} clients`)
    const load = { clients, seconds: bench.pick(0.3, 2) }
    const contenders = namesFor({ edges, clients }).map((name) => [name, () => runs[name](load)])
    const rounds: Rounds = await alternate(Object.fromEntries(contenders), {
      rounds: bench.pick(1, 3),
    })
    figures.push(...figuresOf(rounds, { edges, clients }))
  }
  await leases.assert(through.made() + payers.made)
  return figures
}

type Rounds = Partial<Record<Name, Rates[]>>
type Level = { edges: number; clients: number }

/** The limits are the same however many edges there are: the Worker's is taken once. */
const namesFor = ({ edges, clients }: Level): Name[] => [
  'edge',
  ...(clients <= ASYNC_CLIENTS_MAX ? (['async'] as const) : []),
  'sql',
  ...(edges === 1 ? (['hello'] as const) : []),
]

const only = (perSecond: number): Rates => ({ answered: perSecond, settled: perSecond, held: 0 })

function throughEdges({ edge, edges, leases }: { edge: Edge; edges: number; leases: Leases }) {
  const next = orders(edge.parties)
  const nextOfBorrower = orders(edge.parties, { wallets: BORROWERS })
  let made = 0
  const sync: Run = async (load) => {
    const run = async (client: number) => {
      await edge.pay(next(), { edge: client % edges })
      made += 1
    }
    return only((await drive({ ...load, run })).perSecond)
  }
  /** Until the last of them is in the ledger; the wakes of each second drain meanwhile. */
  const async: Run = async (load) => {
    await leases.lend(20_000)
    const started = performance.now()
    let held = 0
    const run = async (client: number) => {
      const terms = { edge: client % edges, settlement: 'async', expect: 'paid' } as const
      const { status } = await edge.pay(nextOfBorrower(), terms)
      made += 1
      if (status === 'held') held += 1
    }
    const { count, perSecond } = await drive({ ...load, run })
    await leases.drained()
    const settled = (count * 1000) / (performance.now() - started)
    return { answered: perSecond, settled, held: (100 * held) / count }
  }
  return { sync, async, made: () => made }
}

const about = {
  unit: '/s' as const,
  method: 'closed loop on one machine: clients, edges, gateway and database share its cores',
  asserted: 'every payment settled; the ledger has exactly that many; books and escrow balance',
}

function figuresOf(rounds: Rounds, { edges, clients }: Level): Figure[] {
  const through = `Through ${edges} edge${edges === 1 ? '' : 's'}, ${clients} clients`
  const shown = {
    edge: { name: `edge-${edges}`, title: through },
    async: { name: `async-${edges}`, title: `${through}, async: answered` },
    ...(edges === 1 && {
      sql: { name: 'sql', title: `The ledger alone, ${clients} clients` },
      hello: { name: 'hello', title: `A hello-world Worker, ${clients} clients` },
    }),
  }
  const answered = (name: Name) => (rounds[name] ?? []).map((rates) => rates.answered)
  const figures = Object.entries(shown).flatMap(([key, { name, title }]) => {
    const mine = answered(key as Name)
    if (mine.length === 0) return []
    const ratio = { to: `throughput/sql-c${clients}`, value: ratioOf(mine, answered('sql')) }
    return [ofRounds({ ...about, name: `throughput/${name}-c${clients}`, title, ratio }, mine)]
  })
  const { async: promised } = rounds
  return promised ? [...figures, ...ofPromises(promised, { edges, clients, through })] : figures
}

/** Of the same rounds: how fast all was settled, and how much of it was a promise at all. */
function ofPromises(
  rounds: readonly Rates[],
  { edges, clients, through }: Level & { through: string },
): Figure[] {
  return [
    ofRounds(
      {
        ...about,
        name: `throughput/settled-${edges}-c${clients}`,
        title: `${through}, async: settled`,
        method: `rounds of ${ASYNC_SECONDS} s, to the last settlement, so with the second its wake waits`,
      },
      rounds.map(({ settled }) => settled),
    ),
    ofRounds(
      {
        ...about,
        name: `throughput/held-${edges}-c${clients}`,
        title: `${through}, async: promised from a lease`,
        unit: '%',
        method: 'the others were settled at once, because Redis took longer than 250 ms',
      },
      rounds.map(({ held }) => held),
    ),
  ]
}
