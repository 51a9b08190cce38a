import { setTimeout as pause } from 'node:timers/promises'
import { ofCalls } from '../measure/figure.ts'
import { atPace } from '../measure/pace.ts'
import { quantiles } from '../measure/stats.ts'
import type { Figure, Scenario } from '../scenario.ts'
import { type Edge, openEdge } from '../world/edge.ts'
import { openLeases } from '../world/leases.ts'
import { newOrder } from '../world/order.ts'

/** How often the ledger is asked what has settled; no figure is finer. */
const POLL_MS = 10

const traffic = {
  /** Payers that share their seconds' wakes. */
  steady: { everyMs: 33, payers: 16, title: 'Thirty a second' },
  /** Each alone in its second and its shard; the pace wanders through the second. */
  sparse: { everyMs: 570, payers: 64, title: 'One now and then' },
} as const
type Pace = keyof typeof traffic

/** How long a promise waits for the ledger: from the answer that says held to the row. */
export const settling: Scenario = {
  name: 'settling',
  title: 'From the answer to the ledger: how long async settlement takes',
  async run(bench) {
    await using edge = await openEdge(bench, {
      population: { agents: 16, wallets: 64, providers: 1 },
    })
    const leases = await openLeases(edge, edge.parties.wallets)
    const counts = { steady: bench.pick(30, 900), sparse: bench.pick(5, 110) }
    const figures: Figure[] = []
    for (const pace of ['steady', 'sparse'] as const) {
      await leases.lend(2000)
      const report = (done: number) => bench.progress(done, counts[pace], pace)
      figures.push(...figuresOf(pace, await latencies(edge, { pace, count: counts[pace], report })))
    }
    await leases.drained()
    await leases.assert(counts.steady + counts.sparse)
    return figures
  },
}

type Asked = { pace: Pace; count: number; report: (done: number) => void }

/** Pays at a pace, whatever becomes of the payments before, and notes when each is in the ledger. */
async function latencies(edge: Edge, { pace, count, report }: Asked): Promise<number[]> {
  const { everyMs, payers } = traffic[pace]
  const [provider] = edge.parties.providers
  if (!provider) throw new Error('nobody to pay')
  const watch = watchLedger(edge, count)
  const run = async (at: number) => {
    report(at)
    const wallet = edge.parties.wallets[at % payers]
    if (!wallet) throw new Error('nobody pays')
    const asked = { settlement: 'async', expect: 'paid' } as const
    const { paymentId, status } = await edge.pay(newOrder(wallet, provider), asked)
    watch.answered(paymentId, status === 'held')
  }
  await atPace({ everyMs, count, run })
  return await watch.settled()
}

/** Polls the ledger for payments that were answered; one that was settled at once is not counted. */
function watchLedger({ sql }: Edge, count: number) {
  const waiting = new Map<string, number>()
  const latencies: number[] = []
  let answered = 0
  const poll = async () => {
    while (answered < count || waiting.size > 0) {
      await pause(POLL_MS)
      if (waiting.size === 0) continue
      const ids = [...waiting.keys()]
      const rows = await sql`select id from ledger.payments where id = any (${ids}::uuid[])`
      const now = performance.now()
      for (const { id } of rows) {
        latencies.push(now - (waiting.get(id) ?? Number.NaN))
        waiting.delete(id)
      }
    }
    return latencies
  }
  const polled = poll()
  return {
    answered(id: string, isHeld: boolean): void {
      answered += 1
      if (isHeld) waiting.set(id, performance.now())
    },
    settled: () => polled,
  }
}

function figuresOf(pace: Pace, samples: readonly number[]): Figure[] {
  const { title } = traffic[pace]
  const about = {
    unit: 'ms' as const,
    method: `one edge, loopback; the ledger's table is asked every ${POLL_MS} ms`,
    asserted: 'every promise settled; the ledger has exactly that many; books and escrow balance',
  }
  const { p95, p99 } = quantiles(samples)
  return [
    ofCalls(
      {
        ...about,
        name: `settling/${pace}`,
        title: `${title}: held to settled`,
        budget: { atMost: 1500 },
      },
      samples,
    ),
    {
      ...about,
      name: `settling/${pace}-p99`,
      title: `${title}: 99 in 100 take at most`,
      value: p99,
      spread: [p95, Math.max(...samples)],
      n: samples.length,
      budget: { atMost: 5000 },
    },
  ]
}
