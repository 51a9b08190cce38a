import { Random } from './random.ts'
import type { Odds } from './weather.ts'

/** What is going to happen in a run, moment by moment. Each part has its own random numbers. */
export type Action = { id: number; at: number } & (
  | { do: 'pay'; payer: number; offer: number; request: number; edge: number; manner: Manner }
  | { do: 'reset' | 'remember' | 'split'; region: number }
  | { do: 'prepare again' | 'install again'; region: number }
  | { do: 'roll back'; region: number; steps: number }
  | { do: 'outage'; of: 'redis' | 'database' | 'qstash' | 'edge cron'; ms: number; region: number }
  | { do: 'allow'; payer: number; payment: number; day: number; provider: number }
  | { do: 'freeze' | 'revoke' | 'stop' | 'suspend' | 'sync'; payer: number; ms: number }
  | { do: 'sign'; payer: number }
  | { do: 'pause'; offer: number; ms: number }
  | { do: 'close'; provider: number; ms: number }
  | { do: 'reprice'; offer: number; by: number }
  | { do: 'deposit'; payer: number; amount: number }
  | { do: 'poison'; region: number; payer: number }
  | { do: 'evict'; region: number; what: 'request' | 'payment' }
  | { do: 'forge'; region: number; what: Forgery }
  | { do: 'present all' }
)

/** What somebody changed in the copy of a record that they put into a stream. */
export type Forgery = 'the amount' | 'the wallet' | 'the provider'

/** What is not so in a request; nobody is promised or paid anything for it. */
export type Lie = 'the caller' | 'the price' | 'the currency' | 'the method' | 'the resource'

/** How an agent behaves, and what becomes of its proof. */
export type Manner = {
  settlement: 'sync' | 'async'
  tries: number
  /** Asks again for what it was answered. */
  repeats: number
  presents: 'never' | 'soon' | 'late' | 'to the wrong one' | 'with the others'
  lie?: Lie
}

export type Story = {
  seed: string
  startsAt: number
  endsAt: number
  actions: Action[]
  /** How often each fault happens; absent, as the seed has it. */
  odds?: Odds
  /** What the first wallet has to begin with. */
  funds: string
}

const MINUTE = 60_000

/**
 * What kind of world it is. In a storm one wallet pays in one region, fork upon fork; in a squeeze
 * leases hold what a dear payment needs; in a standstill a region's Redis is away for so long that
 * leases fall due undrained.
 */
type Climate = 'usual' | 'storm' | 'squeeze' | 'standstill'

const CLIMATES: readonly [Climate, ...Climate[]] = [
  ...(['usual', 'usual', 'usual', 'usual', 'usual', 'usual'] as const),
  ...(['storm', 'storm', 'squeeze', 'standstill'] as const),
]

/** What a part of the story is told by. */
type Plot = { random: Random; climate: Climate; endsAt: number; isStorm: boolean }

/** The story a seed tells. Which things happen in it at all, and how often, is the seed's as well. */
export function storyOf(seed: bigint): Story {
  const random = Random.of(seed, 'story')
  const climate = random.pick(CLIMATES)
  const endsAt = { storm: 100_000, standstill: 5 * MINUTE }[climate as string] ?? lengthOf(random)
  const plot: Plot = { random, climate, endsAt, isStorm: climate === 'storm' }
  const midnight = Date.UTC(2026, 10, 30)
  const startsAt =
    midnight - (random.chance(0.4) ? random.between(10_000, endsAt) : 6 * 60 * MINUTE)
  const moments = [
    ...paymentsOf(plot),
    ...memoriesOf(plot),
    ...forksOf(plot),
    ...othersOf(plot),
    ...standstillOf(plot),
    ...pricesOf(plot),
  ]
  const actions = moments.map((moment, id) => ({ id, ...moment }) as Action)
  actions.sort((one, other) => one.at - other.at || one.id - other.id)
  return { seed: String(seed), startsAt, endsAt, actions, funds: fundsOf(plot) }
}

const lengthOf = (random: Random) => random.between(2 * MINUTE, 5 * MINUTE)

const fundsOf = ({ random, climate }: Plot): string =>
  climate === 'squeeze' ? '2050' : random.pick(['1500', '1500', '6000', '40000'])

function* paymentsOf(plot: Plot) {
  const { random, climate, isStorm } = plot
  const bursts = Array.from({ length: isStorm ? 1 : 4 }, () => burstOf(plot))
  const count = isStorm ? random.between(60, 110) : random.between(25, 60)
  for (let index = 0; index < count; index++) {
    const known = bursts[random.below(bursts.length)]
    const burst = random.chance(0.8) && known ? known : burstOf(plot)
    const dear = climate === 'squeeze' ? 0.15 : 0.03
    yield { at: burst.at + random.below(burst.ms), ...paymentOf(random, { burst, index, dear }) }
  }
}

type Burst = { at: number; ms: number; payer: number; region: number }

/** A while in which one wallet pays a lot, in one region. */
function burstOf({ random, climate, endsAt }: Plot): Burst {
  if (climate === 'storm') return { at: 5_000, ms: 45_000, payer: 0, region: 0 }
  const at = random.below(climate === 'standstill' ? MINUTE / 2 : endsAt)
  const payer = climate === 'squeeze' && random.chance(0.7) ? 0 : random.below(3)
  return { at, ms: random.between(5_000, 30_000), payer, region: random.below(2) }
}

type Part = { burst: Burst; index: number; dear: number }

function paymentOf(random: Random, { burst, index, dear }: Part) {
  const { payer, region } = burst
  const usual = payer === 2 ? 2 : random.pick([0, 0, 0, 1, 3])
  const manner: Manner = {
    settlement: random.chance(0.95) ? 'async' : 'sync',
    tries: random.pick([1, 2, 3, 5]),
    repeats: random.pick([0, 0, 0, 1, 2]),
    presents: random.pick(['never', 'soon', 'soon', 'late', 'with the others', 'to the wrong one']),
  }
  const isDear = payer !== 2 && random.chance(dear)
  const lie = random.chance(LIARS) ? random.pick(LIES) : undefined
  // Now and then a name that was used before, for the same or for something else.
  const isAgain = lie === 'the caller' ? random.chance(0.7) : random.chance(0.12)
  return {
    do: 'pay',
    payer,
    offer: isDear ? 4 : usual,
    request: isAgain ? random.below(index + 1) : index,
    edge: region + 2 * random.below(2),
    manner: lie ? { ...manner, lie } : manner,
  }
}

const LIARS = 0.08
const LIES = [
  'the caller',
  'the caller',
  'the price',
  'the currency',
  'the method',
  'the resource',
] as const

/** A price is announced three minutes before: only what is announced early changes in the story. */
function* pricesOf({ random }: Plot) {
  if (random.chance(0.75)) return
  const offer = random.below(4)
  yield { at: random.below(30_000), do: 'reprice', offer, by: random.pick([-1, 1]) }
}

/** What Redis may fall back to: in a storm, again and again to the same early moment. */
function* memoriesOf({ random, isStorm, endsAt }: Plot) {
  const [first, least, most] = isStorm ? [6_500, 18_000, 30_000] : [0, 2_000, 20_000]
  for (let at = first; at < endsAt; at += random.between(least, most)) {
    yield { at, do: 'remember', region: isStorm ? 0 : random.below(2) }
  }
}

/** Once in a lease's life at most; in a storm, as often as it likes. */
function* forksOf(plot: Plot) {
  const { random, isStorm, endsAt } = plot
  if (random.chance(0.3)) return
  const [least, most] = isStorm ? [2_500, 6_000] : [130_000, 300_000]
  const backs = isStorm ? random.pick([0.85, 0.85, 0]) : 0.65
  let at = isStorm ? random.between(8_000, 20_000) : random.below(90_000)
  for (; at < endsAt; at += random.between(least, most)) yield { at, ...forkOf(plot, backs) }
}

function forkOf({ random, isStorm }: Plot, backs: number) {
  const region = isStorm ? 0 : random.below(2)
  return random.chance(backs)
    ? { do: 'roll back', region, steps: isStorm ? 0 : random.below(4) }
    : { do: 'split', region }
}

/** A region's Redis goes away after the first payments, and is not seen again. */
function* standstillOf({ random, climate, endsAt }: Plot) {
  if (climate !== 'standstill') return
  const at = random.between(MINUTE / 4, MINUTE)
  yield { at, do: 'outage', of: 'redis', ms: endsAt, region: random.below(2) }
}

const OTHERS: readonly ((random: Random) => object)[] = [
  (random) => ({ do: 'reset', region: random.pick([0, 0, 1]) }),
  (random) => ({ do: 'outage', of: 'redis', ms: someTime(random), region: random.below(2) }),
  (random) => ({ do: 'outage', of: 'database', ms: someTime(random), region: 0 }),
  (random) => ({ do: 'outage', of: 'qstash', ms: someTime(random) * 4, region: 0 }),
  (random) => ({ do: 'outage', of: 'edge cron', ms: someTime(random) * 5, region: 0 }),
  (random) => ({ do: 'allow', payer: random.below(3), ...limitsOf(random) }),
  (random) => ({ do: 'freeze', payer: random.below(3), ms: someTime(random) }),
  (random) => ({ do: 'revoke', payer: random.below(3), ms: 0 }),
  (random) => ({ do: 'stop', payer: random.below(3), ms: someTime(random) }),
  (random) => ({ do: 'close', provider: random.below(2), ms: someTime(random) }),
  (random) => ({ do: 'reprice', offer: random.below(4), by: random.pick([-1, 1]) }),
  (random) => ({ do: 'deposit', payer: random.below(3), amount: random.between(1, 3_000) }),
  (random) => ({ do: 'poison', region: random.below(2), payer: random.below(3) }),
  (random) => ({ do: 'evict', region: random.below(2), what: 'request' }),
  (random) => ({ do: 'evict', region: random.below(2), what: 'payment' }),
  (random) => ({ do: 'forge', region: random.below(2), what: random.pick(FORGERIES) }),
  (random) => ({ do: 'suspend', payer: random.below(3), ms: someTime(random) }),
  (random) => ({ do: 'sync', payer: random.below(3), ms: someTime(random) }),
  (random) => ({ do: 'sign', payer: random.below(3) }),
  (random) => ({ do: 'pause', offer: random.below(4), ms: someTime(random) * 2 }),
  (random) => ({ do: 'prepare again', region: random.below(2) }),
  (random) => ({ do: 'install again', region: random.below(2) }),
  () => ({ do: 'present all' }),
]

const FORGERIES = ['the amount', 'the wallet', 'the provider'] as const

const someTime = (random: Random) => random.between(1_000, 60_000)

/** What else happens: few kinds of things in a world, but those again and again. */
function* othersOf({ random, endsAt }: Plot) {
  const share = random.pick([0.1, 0.2, 0.4])
  const kinds = OTHERS.filter(() => random.chance(share))
  const count = kinds.length === 0 ? 0 : random.between(1, 3 + kinds.length)
  for (let index = 0; index < count; index++) {
    yield { at: random.below(endsAt), ...kinds[random.below(kinds.length)]?.(random) }
  }
  if (random.chance(0.3)) yield { at: random.below(endsAt), do: 'present all' }
}

const limitsOf = (random: Random) => ({
  payment: random.pick([5, 9, 2_000]),
  day: random.pick([2_000, 4_000, 100_000]),
  provider: random.pick([-1, -1, 0, 1]),
})
