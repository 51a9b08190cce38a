import type { MovableClock } from '../../clock.ts'

/** The work a timeline runs. */
export type Agenda = {
  /** The earliest moment at which anything is due; infinity when nothing is. */
  nextAt: () => number
  /** Starts everything due at or before `now`. Must leave nothing due, or `nextAt` later. */
  run: (now: number) => void
  /** Deliveries under way, by `performance.now()` at their start. */
  underWay: () => Iterable<number>
}

/** Milliseconds of real time that a jump of the clock waits for one answer before it goes on. */
const PATIENCE_MS = 1000

const LONGEST_TIMER_MS = 2_147_483_647

/**
 * Runs an agenda on a movable clock so that a jump is lived through, not skipped.
 *
 * When the clock is moved, `now()` stays behind and visits each due moment in order. It waits there
 * for the answers (a delivery takes no time on the moved clock), so that a retry which falls into
 * the same jump runs in it, in its place. A destination that keeps a delivery longer than the
 * patience is left behind, and then its timeout counts on the moved clock like everything else.
 */
export class Timeline {
  readonly #clock: MovableClock
  readonly #agenda: Agenda
  readonly #unlisten: () => void
  #offset: number
  #lag = 0
  #timer: NodeJS.Timeout | undefined
  #stopped = false
  #waiting: (() => void)[] = []

  constructor(clock: MovableClock, agenda: Agenda) {
    this.#clock = clock
    this.#agenda = agenda
    this.#offset = clock.offsetMs
    this.#unlisten = clock.onMove(() => {
      this.#lag += clock.offsetMs - this.#offset
      this.#offset = clock.offsetMs
      this.poke()
    })
  }

  /** The moment being lived through: the clock's, or earlier during a jump. */
  now(): number {
    return this.#clock.now() - this.#lag
  }

  /** Looks at the agenda again, because something in it changed. */
  poke(): void {
    if (this.#stopped) return
    clearTimeout(this.#timer)
    const wakeInMs = this.#liveThrough()
    if (Number.isFinite(wakeInMs)) {
      const ms = Math.min(LONGEST_TIMER_MS, Math.max(1, Math.ceil(wakeInMs)))
      this.#timer = setTimeout(() => this.poke(), ms).unref()
    }
    if (this.#lag === 0 && !this.#busy()) for (const done of this.#waiting.splice(0)) done()
  }

  /** Resolves when no delivery is under way and nothing is due. */
  settled(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
      this.poke()
    })
  }

  stop(): void {
    this.#unlisten()
    clearTimeout(this.#timer)
    this.#stopped = true
    for (const done of this.#waiting.splice(0)) done()
  }

  /** Runs what is due; answers in how many real milliseconds to look again. */
  #liveThrough(): number {
    for (;;) {
      const now = this.now()
      const dueAt = this.#agenda.nextAt()
      if (dueAt <= now) {
        this.#agenda.run(now)
        continue
      }
      if (this.#lag === 0) return dueAt - now
      const patience = this.#patienceLeft()
      if (patience > 0) return patience
      this.#lag = Math.max(0, this.#lag - (dueAt - now))
    }
  }

  #busy(): boolean {
    return [...this.#agenda.underWay()].length > 0
  }

  #patienceLeft(): number {
    const starts = [...this.#agenda.underWay()]
    return Math.max(0, ...starts.map((start) => start + PATIENCE_MS - performance.now()))
  }
}
