import { Random } from './random.ts'

/** What is going to happen in a run, moment by moment. Each part has its own random numbers. */
export type Action = { id: number; at: number } & (
  | { do: 'pay'; payer: number; offer: number; request: number; edge: number; manner: Manner }
  | { do: 'reset' | 'remember' | 'split' | 'install again'; region: number }
  | { do: 'roll back'; region: number; steps: number }
  | { do: 'outage'; of: 'redis' | 'database' | 'qstash' | 'edge cron'; ms: number; region: number }
  | { do: 'allow'; payer: number; payment: number; day: number; provider: number }
  | { do: 'freeze' | 'revoke' | 'stop'; payer: number; ms: number }
  | { do: 'close'; provider: number; ms: number }
  | { do: 'reprice'; offer: number; by: number }
  | { do: 'deposit'; payer: number; amount: number }
  | { do: 'poison'; region: number; payer: number }
  | { do: 'evict'; region: number }
  | { do: 'present all' }
)

/** How an agent behaves, and what becomes of its proof. */
export type Manner = {
  settlement: 'sync' | 'async'
  tries: number
  /** Asks again for what it was answered. */
  repeats: number
  presents: 'never' | 'soon' | 'late' | 'to the wrong one' | 'with the others'
}

export type Story = {
  seed: string
  startsAt: number
  endsAt: number
  actions: Action[]
  isFair?: boolean
}

const MINUTE = 60_000

/** The story a seed tells. One in four is a storm: one wallet, one region, and fork upon fork. */
export function storyOf(seed: bigint): Story {
  const random = Random.of(seed, 'story')
  const isStorm = random.chance(0.25)
  const endsAt = isStorm ? 100_000 : random.between(2 * MINUTE, 5 * MINUTE)
  const midnight = Date.UTC(2026, 10, 30)
  const startsAt =
    midnight - (random.chance(0.4) ? random.between(10_000, endsAt) : 6 * 60 * MINUTE)
  const actions: Action[] = []
  const add = (at: number, what: object) =>
    actions.push({ id: actions.length, at, ...what } as Action)

  for (const { at, ...payment } of paymentsOf(random, isStorm, endsAt)) add(at, payment)
  for (const at of memoryMoments(random, isStorm, endsAt)) {
    add(at, { do: 'remember', region: isStorm ? 0 : random.below(2) })
  }
  for (const at of forkMoments(random, isStorm, endsAt)) add(at, forkOf(random, isStorm))
  const others = random.between(1, 6)
  for (let index = 0; index < others; index++) add(random.below(endsAt), otherOf(random))
  actions.sort((one, other) => one.at - other.at || one.id - other.id)
  return { seed: String(seed), startsAt, endsAt, actions }
}

function* paymentsOf(random: Random, isStorm: boolean, endsAt: number) {
  const bursts = Array.from({ length: isStorm ? 1 : 4 }, () => burstOf(random, isStorm, endsAt))
  const count = isStorm ? random.between(60, 110) : random.between(25, 60)
  for (let index = 0; index < count; index++) {
    const known = bursts[random.below(bursts.length)]
    const burst = random.chance(0.8) && known ? known : burstOf(random, isStorm, endsAt)
    yield { at: burst.at + random.below(burst.ms), ...paymentOf(random, { burst, index }) }
  }
}

type Burst = { at: number; ms: number; payer: number; region: number }

/** A while in which one wallet pays a lot, in one region. */
const burstOf = (random: Random, isStorm: boolean, endsAt: number): Burst => ({
  at: isStorm ? 5_000 : random.below(endsAt),
  ms: isStorm ? 45_000 : random.between(5_000, 30_000),
  payer: isStorm ? 0 : random.below(3),
  region: isStorm ? 0 : random.below(2),
})

function paymentOf(random: Random, { burst, index }: { burst: Burst; index: number }) {
  const { payer, region } = burst
  const usual = payer === 2 ? 2 : random.pick([0, 0, 0, 1, 3])
  const manner: Manner = {
    settlement: random.chance(0.95) ? 'async' : 'sync',
    tries: random.pick([1, 2, 3, 5]),
    repeats: random.pick([0, 0, 0, 1, 2]),
    presents: random.pick(['never', 'soon', 'soon', 'late', 'with the others', 'to the wrong one']),
  }
  const isDear = payer !== 2 && random.chance(0.03)
  return {
    do: 'pay',
    payer,
    offer: isDear ? 4 : usual,
    // Now and then a name that was used before, for the same or for something else.
    request: random.chance(0.12) ? random.below(index + 1) : index,
    edge: region + 2 * random.below(2),
    manner,
  }
}

/** What Redis may fall back to: in a storm, again and again to the same early moment. */
function memoryMoments(random: Random, isStorm: boolean, endsAt: number): number[] {
  const moments: number[] = []
  const [first, least, most] = isStorm ? [6_500, 18_000, 30_000] : [0, 2_000, 20_000]
  for (let at = first; at < endsAt; at += random.between(least, most)) moments.push(at)
  return moments
}

/** Once in a lease's life at most; in a storm, as often as it likes. */
function forkMoments(random: Random, isStorm: boolean, endsAt: number): number[] {
  const moments: number[] = []
  if (random.chance(0.3)) return moments
  const pause = isStorm ? [2_500, 6_000] : [130_000, 300_000]
  let at = isStorm ? random.between(8_000, 20_000) : random.below(90_000)
  while (at < endsAt) {
    moments.push(at)
    at += random.between(pause[0] ?? 0, pause[1] ?? 0)
  }
  return moments
}

function forkOf(random: Random, isStorm: boolean) {
  const region = isStorm ? 0 : random.below(2)
  return random.chance(isStorm ? 0.85 : 0.65)
    ? { do: 'roll back', region, steps: isStorm ? 0 : random.below(4) }
    : { do: 'split', region }
}

function otherOf(random: Random): object {
  const payer = random.below(3)
  const region = random.below(2)
  const ms = random.between(1_000, 60_000)
  return random.pick<object>([
    { do: 'reset', region },
    { do: 'reset', region },
    { do: 'reset', region: 0 },
    { do: 'outage', of: 'redis', ms, region },
    { do: 'outage', of: 'database', ms, region },
    { do: 'outage', of: 'qstash', ms: ms * 4, region },
    { do: 'outage', of: 'edge cron', ms: ms * 5, region },
    { do: 'allow', payer, ...limitsOf(random) },
    { do: 'freeze', payer, ms },
    { do: 'revoke', payer, ms },
    { do: 'stop', payer, ms },
    { do: 'close', provider: random.below(2), ms },
    { do: 'reprice', offer: random.below(4), by: random.pick([-1, 1]) },
    { do: 'deposit', payer, amount: random.between(1, 3_000) },
    { do: 'poison', region, payer },
    { do: 'evict', region },
    { do: 'present all' },
    { do: 'present all' },
  ])
}

const limitsOf = (random: Random) => ({
  payment: random.pick([5, 9, 2_000]),
  day: random.pick([2_000, 4_000, 100_000]),
  provider: random.pick([-1, -1, 0, 1]),
})
