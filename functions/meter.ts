import type { Clock, Counters, Trips } from '../shared/ports.ts'

/** Upper bounds of the latency histogram, in milliseconds. */
export const BUCKETS = [5, 10, 25, 50, 100, 150, 250, 500, 1_000, 2_500, 5_000]

/** An isolate hands its counts over at most this often. */
const FLUSH_SECONDS = 5

/** What one answered request adds to the counts. */
type Sample = { route: string; code: string; ms: number }

/**
 * Counts what this isolate does and hands the counts over, to be added up with every other's.
 * A count that could not be handed over is lost: these are for watching, money figures are not here.
 */
export class Meter {
  readonly #counters: Counters
  readonly #clock: Clock
  #deltas = new Map<string, number>()
  #flushedAt = 0

  constructor(counters: Counters, clock: Clock) {
    this.#counters = counters
    this.#clock = clock
  }

  /** A look into a cache tier, found or not. */
  cache(tier: string, hit: boolean): void {
    this.#add(`payos_cache_lookups_total{tier="${tier}",result="${hit ? 'hit' : 'miss'}"}`)
  }

  /** What was refused, by its reason: a lease, a promise from one, a proof that was presented. */
  refused(what: 'lease' | 'promise' | 'proof', reason: string): void {
    this.#add(`payos_refusals_total{what="${what}",reason="${reason}"}`)
  }

  request({ route, code, ms }: Sample): void {
    this.#add(`payos_requests_total{route="${route}",code="${code}"}`)
    if (route !== 'pay') return
    for (const bound of BUCKETS) {
      if (ms <= bound) this.#add(`payos_pay_duration_seconds_bucket{le="${bound / 1_000}"}`)
    }
    this.#add('payos_pay_duration_seconds_bucket{le="+Inf"}')
    this.#add('payos_pay_duration_seconds_count')
    this.#add('payos_pay_duration_milliseconds_sum', Math.round(ms))
  }

  /** Hands the counts over when it is time; what it returns is awaited after the answer has left. */
  flush(): Promise<void> | undefined {
    const nowSeconds = this.#clock.nowSeconds()
    if (nowSeconds - this.#flushedAt < FLUSH_SECONDS) return undefined
    this.#flushedAt = nowSeconds
    const deltas = this.#deltas
    this.#deltas = new Map()
    return this.#counters.add(deltas)
  }

  /** The counts of all isolates, as far as they were handed over, with this one's own on top. */
  async total(trips: Trips): Promise<Map<string, number> | undefined> {
    const shared = await this.#counters.read(trips)
    if (!shared) return undefined
    const total = new Map(shared)
    for (const [name, by] of this.#deltas) total.set(name, (total.get(name) ?? 0) + by)
    return total
  }

  #add(name: string, by = 1): void {
    this.#deltas.set(name, (this.#deltas.get(name) ?? 0) + by)
  }
}
