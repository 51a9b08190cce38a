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

/** What can go wrong in one run: each fault with one chance in three, then now and then. */
export class Weather {
  readonly #odds = new Map<Site, number>()
  /** How often each fault was injected. */
  readonly injected = new Map<string, number>()
  isCalm = false

  /** In fair weather nothing fails but what the story says. */
  constructor(seed: bigint, isFair = false) {
    const random = Random.of(seed, 'weather')
    for (const [site, odds] of Object.entries(SITES) as [Site, number][]) {
      if (random.chance(1 / 3) && !isFair) this.#odds.set(site, odds)
    }
  }

  /** Whether this fault happens here and now. */
  strikes(site: Site, random: Random): boolean {
    const struck = random.chance(this.#odds.get(site) ?? 0) && !this.isCalm
    if (struck) this.note(site)
    return struck
  }

  note(what: string): void {
    this.injected.set(what, (this.injected.get(what) ?? 0) + 1)
  }
}
