import { bill, othersFigures, usageFigures } from '../cost/bill.ts'
import { type Usage, usageOf } from '../cost/usage.ts'
import { drive } from '../measure/drive.ts'
import { atPace } from '../measure/pace.ts'
import type { Bench, Figure, Scenario } from '../scenario.ts'
import { type Edge, openEdge } from '../world/edge.ts'
import { type Leases, openLeases } from '../world/leases.ts'
import { newOrder } from '../world/order.ts'
import { orders } from '../world/payers.ts'

/** Payers with leases, one a shard. */
const BORROWERS = 32
/** Sparse: of so many payers in turn each pays every ten seconds, alone in its second. */
const SPARSE = { payers: 16, everyMs: 625 }

/** What a payment uses of everything that is billed, and what a million of them cost. */
export const cost: Scenario = {
  name: 'cost',
  title: 'What a payment uses, and what a million cost at list prices',
  async run(bench) {
    await using edge = await openEdge(bench, {
      population: { agents: 16, wallets: bench.pick(200, 5000), providers: 1 },
    })
    const leases = await openLeases(edge, edge.parties.wallets.slice(0, BORROWERS))
    const counts = { sync: bench.pick(300, 8000), busy: bench.pick(300, 8000) }
    const sparse = bench.pick(6, 96)
    const world = { edge, leases, bench }
    const figures = [
      ...told({ prefix: '', title: 'Sync', count: counts.sync }, await sync(world, counts.sync)),
      ...told(
        { prefix: 'async-', title: 'Async', count: counts.busy },
        await busy(world, counts.busy),
      ),
      ...told(
        { prefix: 'sparse-', title: 'Async, sparse', count: sparse },
        await rare(world, sparse),
      ),
    ]
    const promised = counts.busy + sparse
    const leased = await leases.assert(counts.sync + promised)
    // A busy machine's Redis is late at times; counts of too many sync payments would mislead.
    if (leased < bench.pick(1, 0.9 * promised)) {
      throw new Error(`${leased} of ${promised} paid from a lease`)
    }
    return [...figures, ...othersFigures()]
  },
}

type Lent = { edge: Edge; leases: Leases; bench: Bench }

const sync = ({ edge }: Lent, count: number): Promise<Usage> => {
  const next = orders(edge.parties)
  const run = async () => void (await edge.pay(next()))
  return usageOf(edge, count, async () => void (await drive({ clients: 4, count, run })))
}

/** All drains are in it; a renewal every 45 seconds would not be seen among so many payments. */
async function busy({ edge, leases }: Lent, count: number): Promise<Usage> {
  await leases.lend(count)
  const next = orders(edge.parties, { wallets: BORROWERS })
  const run = async () => void (await edge.pay(next(), asked))
  return usageOf(edge, count, async () => {
    await drive({ clients: 4, count, run })
    await leases.drained()
  })
}

/** Renewals of leases are in it. */
async function rare({ edge, leases, bench }: Lent, count: number): Promise<Usage> {
  await leases.lend(100)
  const { payers, everyMs } = SPARSE
  const [provider] = edge.parties.providers
  const run = async (at: number) => {
    bench.progress(at, count, 'sparse')
    const wallet = edge.parties.wallets[at % payers]
    if (!wallet || !provider) throw new Error('nobody there')
    await edge.pay(newOrder(wallet, provider), asked)
  }
  return usageOf(edge, count, async () => {
    await atPace({ everyMs, count, run })
    await leases.drained()
  })
}

const asked = { settlement: 'async', expect: 'paid' } as const

type Way = { prefix: string; title: string; count: number }

function told({ prefix, title, count }: Way, used: Usage): Figure[] {
  const how =
    prefix === 'sparse-' ? `one every ${SPARSE.everyMs} ms, ${SPARSE.payers} payers` : '4 clients'
  const billed = {
    ...{ prefix, title, used },
    about: {
      n: count,
      method: `${count} payments, ${how}; what was counted, divided`,
      asserted: 'every payment settled; books, leases and escrow balance',
    },
  }
  return [...usageFigures(billed), ...bill(billed)]
}
