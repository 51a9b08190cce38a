import { Random } from './random.ts'

/** Every place where the world can fail, with how often it does in a run that has it at all. */
const SITES = {
  'agent: request lost': 0.03,
  'agent: answer lost': 0.04,
  'agent: request doubled': 0.03,
  'redis: command lost': 0.03,
  'redis: answer lost': 0.04,
  'redis: command delayed': 0.03,
  'redis: command doubled': 0.04,
  'redis: install doubled': 0.4,
  'database: call lost': 0.03,
  'database: answer lost': 0.05,
  'database: call delayed': 0.02,
  'database: call doubled': 0.04,
  'database: conflict of transactions': 0.04,
  'qstash: message refused': 0.05,
  'qstash: message dropped': 0.3,
  'qstash: message doubled': 0.3,
  'qstash: message delayed': 0.3,
  'isolate: dies before it sends': 0.01,
  'isolate: dies before it hears': 0.02,
  'request: abandoned before it sends': 0.01,
  'request: abandoned before it hears': 0.02,
} as const

export type Site = keyof typeof SITES
export type Odds = Partial<Record<Site, number>>

/** How many of the faults a run has: none, as many as not, most. */
const SHARES = [0, 0.2, 0.2, 1 / 3, 1 / 3, 1 / 3, 0.5, 0.7] as const

/** How often a fault happens in a run that has it, against what is usual. */
const STRENGTHS = [0.5, 1, 1, 3] as const
const ODDS_MAX = 0.6

/** What can go wrong in one run: some of the faults and not the others, so that each has its day. */
export class Weather {
  readonly #odds: Map<Site, number> = new Map()
  /** How often each fault was injected. */
  readonly injected = new Map<string, number>()
  isCalm = false

  /** A story may name the odds itself: with none nothing fails but what it says. */
  constructor(seed: bigint, odds?: Odds) {
    if (odds) {
      this.#odds = new Map(Object.entries(odds) as [Site, number][])
      return
    }
    const random = Random.of(seed, 'weather')
    const share = random.pick(SHARES)
    for (const [site, usual] of Object.entries(SITES) as [Site, number][]) {
      const strength = random.pick(STRENGTHS)
      if (random.chance(share)) this.#odds.set(site, Math.min(ODDS_MAX, usual * strength))
    }
  }

  /** Whether this fault happens here and now; `what` it strikes, if it strikes something named. */
  strikes(site: Site, random: Random, what?: string): boolean {
    const odds = this.#odds.get(site)
    const struck = odds !== undefined && !this.isCalm && random.chance(odds)
    if (struck) this.note(site)
    if (struck && what) this.note(`${site}, ${what}`)
    return struck
  }

  note(what: string): void {
    this.injected.set(what, (this.injected.get(what) ?? 0) + 1)
  }
}
