export type KeptOptions<Value> = {
  /** Fetches it; a rejection leaves what is there. */
  load: (signal: AbortSignal) => Promise<Value>
  /** When it is no longer fresh, and no longer good, in seconds after it was loaded. */
  freshSeconds: number
  goodSeconds: number
  /** While something good is kept, attempts are this far apart, in seconds. */
  pauseSeconds: number
  timeoutMs: number
  nowSeconds: () => number
  /** What to begin with, so that a start does not need the edge. */
  initial: Value | undefined
}

/** Attempts are this far apart while there is nothing good, in seconds. */
const MISSING_PAUSE_SECONDS = 1

/**
 * Something of the edge's that is kept, so that the edge may be away.
 *
 * At most one load runs at a time and attempts are spaced; whoever needs the answer of a load that
 * another request began waits on a timer of its own. Only values are shared between requests,
 * because in a Worker a promise may end with the request that made it.
 */
export class Kept<Value> {
  readonly #options: KeptOptions<Value>
  #value: Value | undefined
  #loadedAt = -Infinity
  #triedAt = -Infinity
  /** A load runs until then, unless it ends; one whose request was cut off ends by itself. */
  #loadingUntil = -Infinity
  #failed = false

  constructor(options: KeptOptions<Value>) {
    this.#options = options
    this.#value = options.initial
    if (options.initial === undefined) return
    this.#loadedAt = options.nowSeconds() - options.freshSeconds
  }

  /** Whether the last attempt failed, so that what is kept may be old. */
  get isOutdated(): boolean {
    return this.#failed
  }

  /** What is kept, renewed first when it is no longer fresh; nothing when it is too old. */
  async get(): Promise<Value | undefined> {
    const isFresh = this.#age() < this.#options.freshSeconds
    return isFresh || (this.#isLoading() && this.#good() !== undefined)
      ? this.#good()
      : this.renew()
  }

  /** What is kept, loaded again unless that was done or tried a moment ago. */
  async renew(): Promise<Value | undefined> {
    const { nowSeconds, pauseSeconds } = this.#options
    const pause = this.#good() === undefined ? MISSING_PAUSE_SECONDS : pauseSeconds
    if (this.#isLoading()) await this.#waitForOther()
    else if (nowSeconds() - this.#triedAt >= pause) await this.#load()
    return this.#good()
  }

  #age = () => this.#options.nowSeconds() - this.#loadedAt
  #good = () => (this.#age() < this.#options.goodSeconds ? this.#value : undefined)
  #isLoading = () => this.#options.nowSeconds() < this.#loadingUntil

  async #load(): Promise<void> {
    const { load, nowSeconds, timeoutMs } = this.#options
    this.#triedAt = nowSeconds()
    this.#loadingUntil = this.#triedAt + Math.ceil(timeoutMs / 1000) + 1
    try {
      this.#value = await load(AbortSignal.timeout(timeoutMs))
      this.#loadedAt = nowSeconds()
      this.#failed = false
    } catch {
      this.#failed = true
    } finally {
      this.#loadingUntil = -Infinity
    }
  }

  async #waitForOther(): Promise<void> {
    for (let waited = 0; this.#isLoading() && waited < this.#options.timeoutMs; waited += 10) {
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }
}
