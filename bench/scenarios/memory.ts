import { drive } from '../measure/drive.ts'
import { heapMbOf } from '../measure/heap.ts'
import { residentMbOf } from '../measure/process.ts'
import type { Bench, Figure, Scenario } from '../scenario.ts'
import { startAgreeableLedger } from '../world/agreeable-ledger.ts'
import { openEdge } from '../world/edge.ts'
import { orders } from '../world/payers.ts'

const STEPS = 10

type Held = { heap: number; process: number | undefined }

/** What an isolate holds after many payments: its filter and caches have bounds, so it has one. */
export const memory: Scenario = {
  name: 'memory',
  title: 'Memory of an isolate after many payments',
  async run(bench) {
    const payments = bench.size === 'large' ? 1_000_000 : bench.pick(1000, 100_000)
    const { warm, half, all } = await fill(bench, payments)
    const after = (count: number) => `after ${count.toLocaleString('en')} payments`
    return [
      ...figuresOf('warm', 'warm', warm),
      ...figuresOf('half', after(payments / 2), half),
      ...figuresOf('all', after(payments), all),
    ]
  },
}

function figuresOf(name: string, when: string, { heap, process }: Held): Figure[] {
  const told = [
    {
      name: `memory/heap-${name}`,
      title: `The isolate, ${when}`,
      value: heap,
      method: 'what a full collection leaves of its heap, by its inspector; 16 clients',
    },
    {
      name: `memory/${name}`,
      title: `Its workerd process, ${when}`,
      value: process,
      method: 'resident memory, uncollected, with the local rate limiter; a ledger that agrees',
    },
  ]
  const asserted = 'every payment was answered 200 with a proof'
  return told.flatMap(({ value, ...rest }): Figure[] =>
    value === undefined
      ? []
      : [{ ...rest, value, unit: 'MB', spread: [value, value], n: 1, asserted }],
  )
}

async function fill(bench: Bench, payments: number) {
  await using ledger = await startAgreeableLedger()
  await using edge = await openEdge(bench, {
    population: { agents: 64, wallets: bench.pick(500, 10_000), providers: 1 },
    bindings: { SUPABASE_URL: ledger.url },
    inspected: true,
  })
  const next = orders(edge.parties)
  const run = async () => {
    const { proof } = await edge.pay(next())
    if (!proof) throw new Error('no proof')
  }
  const { edges } = edge.payos
  const held = async (): Promise<Held> => ({
    process: await residentMbOf(edges.pids()),
    heap: await heapMbOf(edges.edges[0] ?? { url: '' }),
  })
  await drive({ clients: 16, count: 100, run })
  const warm = await held()
  let half = warm
  for (let step = 0; step < STEPS; step += 1) {
    bench.progress(step, STEPS)
    if (step === STEPS / 2) half = await held()
    await drive({ clients: 16, count: payments / STEPS, run })
    // What the stand-ins keep is this process's memory, not the isolate's.
    await edge.payos.redis.reset()
    edge.payos.redis.trips.length = 0
  }
  return { warm, half, all: await held() }
}
