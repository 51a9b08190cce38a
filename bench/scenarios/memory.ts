import { drive } from '../measure/drive.ts'
import { residentMbOf } from '../measure/process.ts'
import type { Bench, Figure, Scenario } from '../scenario.ts'
import { startAgreeableLedger } from '../world/agreeable-ledger.ts'
import { openEdge } from '../world/edge.ts'
import { orders } from '../world/payers.ts'

const STEPS = 10

/** What an isolate holds after many payments: its filter and caches have bounds, so it has one. */
export const memory: Scenario = {
  name: 'memory',
  title: 'Memory of an isolate after many payments',
  async run(bench) {
    const payments = bench.size === 'large' ? 1_000_000 : bench.pick(1000, 100_000)
    const { warm, half, all } = await fill(bench, payments)
    if (warm === undefined || half === undefined || all === undefined) return []
    const figure = (name: string, title: string, value: number): Figure => ({
      name: `memory/${name}`,
      title,
      value,
      unit: 'MB',
      spread: [value, value],
      n: 1,
      method: 'resident memory of workerd, collector unforced; 16 clients, a ledger that agrees',
      asserted: 'every payment was answered 200 with a proof',
    })
    const after = (count: number) => `After ${count.toLocaleString('en')} payments`
    return [
      figure('warm', 'A warm isolate', warm),
      figure('half', after(payments / 2), half),
      figure('all', after(payments), all),
    ]
  },
}

async function fill(bench: Bench, payments: number) {
  await using ledger = await startAgreeableLedger()
  await using edge = await openEdge(bench, {
    population: { agents: 64, wallets: bench.pick(500, 10_000), providers: 1 },
    bindings: { SUPABASE_URL: ledger.url },
  })
  const next = orders(edge.parties)
  const run = async () => {
    const { proof } = await edge.pay(next())
    if (!proof) throw new Error('no proof')
  }
  await drive({ clients: 16, count: 100, run })
  const resident = () => residentMbOf(edge.payos.edges.pids())
  const warm = await resident()
  let half: number | undefined
  for (let step = 0; step < STEPS; step += 1) {
    bench.progress(step, STEPS)
    if (step === STEPS / 2) half = await resident()
    await drive({ clients: 16, count: payments / STEPS, run })
    // What the stand-ins keep is this process's memory, not the isolate's.
    await edge.payos.redis.reset()
    edge.payos.redis.trips.length = 0
  }
  return { warm, half, all: await resident() }
}
