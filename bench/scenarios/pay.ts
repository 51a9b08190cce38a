import { ofCalls } from '../measure/figure.ts'
import type { Bench, Figure, Scenario } from '../scenario.ts'
import { type Edge, openEdge } from '../world/edge.ts'
import { type Leases, openLeases } from '../world/leases.ts'
import { newOrder, type Order } from '../world/order.ts'
import type { Wallet } from '../world/population.ts'

/** Wallets that pay from leases; a lease is renewed by their traffic. */
const BORROWERS = 8

/** Every way `POST /pay` can end, one after another in turn, with no distance in between. */
export const pay: Scenario = {
  name: 'pay',
  title: 'POST /pay, by what it comes to',
  async run(bench) {
    const count = bench.pick(30, 600)
    await using edge = await openEdge(bench, {
      population: { agents: 4, wallets: 2 * count + BORROWERS, providers: 1 },
      locations: 2,
    })
    const leases = await openLeases(edge, edge.parties.wallets.slice(-BORROWERS))
    const paths = preparePaths(edge, count)
    await paths.restrict()
    await leases.lend(count)
    const samples = await turns(paths.turn, count, bench)
    const colds = bench.pick(2, 20)
    const all = { ...samples, ...(await cold({ edge, leases }, colds, bench.progress)) }
    await leases.drained()
    await leases.assert(2 * (count + colds))
    return figuresOf(all)
  },
}

/** The trips each path may take; the bench fails on any other. */
const trips = {
  warm: 'database',
  promised: 'redis',
  'replay-redis': 'redis',
  'replay-ledger': 'database',
  'replay-lease': 'redis',
  'refused-ledger': 'database',
  'refused-policy': '',
  cold: 'database',
  'cold-promised': 'redis',
}
type Path = keyof typeof trips

/** Past so many ms Redis is late, and the ledger is asked instead, which is no failure. */
const patience: Partial<Record<Path, number>> = {
  'replay-redis': 30,
  promised: 250,
  'replay-lease': 250,
  'cold-promised': 250,
}

type Sample = { ms: number; trips: string[] }
type Samples = Partial<Record<Path, Sample[]>>
type Step = [Path, () => Promise<{ trips: string[] }>]

function preparePaths(edge: Edge, count: number) {
  const { wallets, providers } = edge.parties
  const provider = providers[0]
  const [free, bound] = [wallets.slice(0, count), wallets.slice(count, 2 * count)]
  if (!provider) throw new Error('nobody to pay')
  const orderOf = (wallet: Wallet | undefined) => newOrder(wallet as Wallet, provider)
  const orders = free.map(orderOf)
  const promised = orders.map((_, turn) => orderOf(wallets.at(-1 - (turn % BORROWERS))))
  const at = (list: Order[], turn: number): Order => list[turn] as Order
  const wanted = { refused: 'policy_refused' }
  const asked = { settlement: 'async', expect: 'paid' } as const

  return {
    /** Half of the wallets may pay nothing, and for so long that an edge may remember it. */
    restrict: () =>
      edge.sql`update ledger.policies
        set payment_max = 1, changed_at = changed_at - interval '1 hour'
        where wallet_id = any (${bound.map(({ id }) => id)}::uuid[])`,
    /** A payment, a promise, repeats of earlier ones, and a refusal twice: each path once. */
    turn: (turn: number): Step[] => [
      ['warm', () => edge.pay(at(orders, turn))],
      ['promised', () => edge.pay(at(promised, turn), asked)],
      ['refused-ledger', () => edge.pay(orderOf(bound[turn]), { expect: wanted })],
      ['refused-policy', () => edge.pay(orderOf(bound[turn]), { expect: wanted })],
      ...(turn < 2 ? [] : repeatsOf(edge, at(orders, turn - 2))),
      ...(turn < 2 ? [] : [repeatOfPromise(edge, at(promised, turn - 2))]),
    ],
  }
}

/** At the edge that settled it the answer is found by the filter and Redis; elsewhere by the ledger. */
const repeatsOf = (edge: Edge, order: Order): Step[] => [
  ['replay-redis', () => edge.pay(order, { expect: 'replayed' })],
  ['replay-ledger', () => edge.pay(order, { expect: 'replayed', edge: 1 })],
]

/** A promise is repeated where it was made, whichever edge is asked. */
const repeatOfPromise = (edge: Edge, order: Order): Step => [
  'replay-lease',
  () => edge.pay(order, { settlement: 'async', expect: 'replayed', edge: 1 }),
]

async function turns(turn: (at: number) => Step[], count: number, bench: Bench) {
  const samples: Samples = {}
  for (let at = 0; at < count; at += 1) {
    bench.progress(at, count)
    for (const [path, run] of turn(at)) {
      const sample = await timed(run)
      // The first tenth warms up.
      if (at >= count / 10) samples[path] = [...(samples[path] ?? []), sample]
    }
  }
  return samples
}

async function timed(run: () => Promise<{ trips: string[] }>): Promise<Sample> {
  const started = performance.now()
  const { trips } = await run()
  return { ms: performance.now() - started, trips }
}

function figuresOf(samples: Samples): Figure[] {
  return Object.entries(samples).flatMap(([name, all]) => {
    const path = name as Path
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
function expectTrips(path: Path, samples: Sample[]): void {
  // The filter errs on fewer than 1 in 100 ids; such a payment asks Redis before all else.
  const errs = path === 'warm' || path === 'promised'
  const allowed = errs ? [trips[path], `redis,${trips[path]}`] : [trips[path]]
  const late = patience[path] ?? Number.POSITIVE_INFINITY
  const other = samples.find(({ ms, trips: taken }) => {
    const isLate = ms >= late && taken.join() === 'redis,database'
    return !isLate && !allowed.includes(taken.join())
  })
  if (other) throw new Error(`${path} took the trips "${other.trips.join()}"`)
}

function tripsFigure(path: Path, samples: Sample[]): Figure {
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

const titles: Record<Path, string> = {
  warm: 'Payment, warm isolate',
  promised: 'Async payment, warm isolate',
  'replay-redis': 'Repeat, by filter and stored answer',
  'replay-ledger': 'Repeat, by the ledger',
  'replay-lease': 'Repeat of an async payment',
  'refused-ledger': 'Refusal by the ledger',
  'refused-policy': 'Refusal by the remembered policy',
  cold: 'Payment, first request of an isolate',
  'cold-promised': 'Async, first request of an isolate',
}

const about = (path: Path) => ({
  name: `pay/${path}`,
  title: titles[path],
  unit: 'ms' as const,
  method: path.startsWith('cold')
    ? 'a new isolate for each, which has served nothing before'
    : 'one client, closed loop, all paths in turn; loopback, stand-ins on the same machine',
  asserted:
    'outcome and trips of every answer; every promise settled; books, leases and escrow balance',
})

type Lent = { edge: Edge; leases: Leases }

/** Each isolate answers one request. What it does for the next of them is lost with it. */
async function cold(
  { edge, leases }: Lent,
  count: number,
  onProgress: Bench['progress'],
): Promise<Samples> {
  const samples = { cold: [] as Sample[], 'cold-promised': [] as Sample[] }
  const [provider, wallet] = [edge.parties.providers[0], edge.parties.wallets.at(-1)]
  if (!provider || !wallet) throw new Error('nobody there')
  for (let at = 0; at < count; at += 1) {
    onProgress(at, count, 'cold')
    // Isolates end too soon to renew a lease or a quote, which live for a minute.
    if (at % 10 === 0) await leases.lend(count)
    for (const [path, settlement] of [
      ['cold', 'sync'],
      ['cold-promised', 'async'],
    ] as const) {
      await edge.payos.edges.restart('edge-0')
      const order = newOrder(wallet, provider)
      samples[path].push(await timed(() => edge.pay(order, { settlement, expect: 'paid' })))
    }
  }
  return samples
}
