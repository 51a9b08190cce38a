import { ofCalls } from '../measure/figure.ts'
import type { Bench, Figure, Scenario } from '../scenario.ts'
import { type Edge, openEdge } from '../world/edge.ts'
import { newOrder, type Order } from '../world/order.ts'
import type { Wallet } from '../world/population.ts'

/** Every way `POST /pay` can end, one after another in turn, with no distance in between. */
export const pay: Scenario = {
  name: 'pay',
  title: 'POST /pay, by what it comes to',
  async run(bench) {
    const count = bench.pick(30, 600)
    const wallets = 2 * count + 2
    await using edge = await openEdge(bench, {
      population: { agents: 4, wallets, providers: 1 },
      locations: 2,
    })
    const paths = preparePaths(edge, count)
    await paths.restrict()
    const samples = await turns(paths.turn, count, bench)
    return [...figuresOf(samples), ...(await cold(edge, bench))]
  },
}

type Path = 'warm' | 'replay-redis' | 'replay-ledger' | 'refused-ledger' | 'refused-policy'
type Sample = { ms: number; trips: string[] }

/** The trips each path may take; the bench fails on any other. */
const trips: Record<Path | 'cold', string> = {
  warm: 'database',
  cold: 'database',
  'replay-redis': 'redis',
  'replay-ledger': 'database',
  'refused-ledger': 'database',
  'refused-policy': '',
}

function preparePaths(edge: Edge, count: number) {
  const { wallets, providers } = edge.parties
  const provider = providers[0]
  const [free, bound] = [wallets.slice(0, count), wallets.slice(count, 2 * count)]
  if (!provider) throw new Error('nobody to pay')
  const orderOf = (wallet: Wallet | undefined) => newOrder(wallet as Wallet, provider)
  const orders = free.map(orderOf)
  const earlier = (turn: number): Order => orders[Math.max(0, turn - 2)] as Order
  const wanted = { refused: 'policy_refused' }

  return {
    /** Half of the wallets may pay nothing, and for so long that an edge may remember it. */
    restrict: () =>
      edge.sql`update ledger.policies
        set payment_max = 1, changed_at = changed_at - interval '1 hour'
        where wallet_id = any (${bound.map(({ id }) => id)}::uuid[])`,
    /** A payment, two repeats of an earlier one, and a refusal twice: each path once. */
    turn: (turn: number): [Path, () => Promise<{ trips: string[] }>][] => [
      ['warm', () => edge.pay(orders[turn] as Order)],
      ['refused-ledger', () => edge.pay(orderOf(bound[turn]), { expect: wanted })],
      ['refused-policy', () => edge.pay(orderOf(bound[turn]), { expect: wanted })],
      ...(turn < 2 ? [] : repeatsOf(edge, earlier(turn))),
    ],
  }
}

/** At the edge that settled it the answer is found by the filter and Redis; elsewhere by the ledger. */
const repeatsOf = (edge: Edge, order: Order): [Path, () => Promise<{ trips: string[] }>][] => [
  ['replay-redis', () => edge.pay(order, { expect: 'replayed' })],
  ['replay-ledger', () => edge.pay(order, { expect: 'replayed', edge: 1 })],
]

async function turns(
  turn: (at: number) => [Path, () => Promise<{ trips: string[] }>][],
  count: number,
  bench: Bench,
) {
  const samples = new Map<Path, Sample[]>()
  for (let at = 0; at < count; at += 1) {
    bench.progress(at, count)
    for (const [path, run] of turn(at)) {
      const started = performance.now()
      const { trips } = await run()
      const sample = { ms: performance.now() - started, trips }
      // The first tenth warms up.
      if (at >= count / 10) samples.set(path, [...(samples.get(path) ?? []), sample])
    }
  }
  return samples
}

function figuresOf(samples: Map<Path, Sample[]>): Figure[] {
  return [...samples].flatMap(([path, all]) => {
    expectTrips(path, all)
    return [
      ofCalls(
        about(path),
        all.map(({ ms }) => ms),
      ),
      tripsFigure(path, all),
    ]
  })
}

/** What a request waits for is the design's first promise about speed: other trips are a failure. */
function expectTrips(path: Path | 'cold', samples: Sample[]): void {
  // The filter errs on fewer than 1 in 100 ids; such a payment asks Redis before the ledger.
  const allowed = path === 'warm' ? [trips.warm, 'redis,database'] : [trips[path]]
  const other = samples.find((sample) => !allowed.includes(sample.trips.join()))
  if (other) throw new Error(`${path} took the trips "${other.trips.join()}"`)
}

function tripsFigure(path: Path | 'cold', samples: Sample[]): Figure {
  const counts = samples.map((sample) => sample.trips.length).toSorted((a, b) => a - b)
  const usual = counts[Math.floor(0.99 * (counts.length - 1))] ?? 0
  return {
    name: `pay/${path}-trips`,
    title: `${titles[path]}: backends waited for`,
    value: usual,
    unit: 'trips',
    spread: [counts[0] ?? 0, counts.at(-1) ?? 0],
    n: samples.length,
    method: 'Server-Timing entries of each answer; 99 in 100 have at most this many',
    asserted: `each answer waited for "${trips[path] || 'nobody'}"`,
    budget: { atMost: 1 },
  }
}

const titles: Record<Path | 'cold', string> = {
  warm: 'Payment, warm isolate',
  cold: 'Payment, first request of an isolate',
  'replay-redis': 'Repeat, by filter and stored answer',
  'replay-ledger': 'Repeat, by the ledger',
  'refused-ledger': 'Refusal by the ledger',
  'refused-policy': 'Refusal by the remembered policy',
}

const about = (path: Path | 'cold') => ({
  name: `pay/${path}`,
  title: titles[path],
  unit: 'ms' as const,
  method: 'one client, closed loop, all paths in turn; loopback, stand-ins on the same machine',
  asserted: 'outcome and trips of every answer',
})

async function cold(edge: Edge, bench: Bench): Promise<Figure[]> {
  const wallet = edge.parties.wallets.at(-1) as Wallet
  const provider = edge.parties.providers[0]
  if (!provider) throw new Error('nobody to pay')
  const samples: Sample[] = []
  const count = bench.pick(2, 20)
  for (let at = 0; at < count; at += 1) {
    bench.progress(at, count, 'cold')
    await edge.payos.edges.restart('edge-0')
    const started = performance.now()
    const { trips } = await edge.pay(newOrder(wallet, provider))
    samples.push({ ms: performance.now() - started, trips })
  }
  expectTrips('cold', samples)
  const method = 'a new isolate for each, which has served nothing before'
  const latencies = samples.map(({ ms }) => ms)
  return [ofCalls({ ...about('cold'), method }, latencies), tripsFigure('cold', samples)]
}
