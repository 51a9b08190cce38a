/**
 * A clock that runs with the machine's and can be moved forward.
 *
 * Every part of a local PayOS reads its time from one of these, so that a spec moves time instead
 * of sleeping. Time never goes back: what has expired stays expired.
 */
export class MovableClock {
  #offsetMs = 0
  readonly #listeners = new Set<() => void>()

  /** Milliseconds since the Unix epoch. */
  now(): number {
    return Date.now() + this.#offsetMs
  }

  get offsetMs(): number {
    return this.#offsetMs
  }

  /** Moves the clock forward and wakes whoever waits for a moment that has now passed. */
  advance(ms: number): void {
    if (!(ms >= 0)) throw new RangeError('a clock moves forward: ms must be zero or more')
    this.#offsetMs += ms
    for (const listener of this.#listeners) listener()
  }

  /** Calls `listener` after each move; returns how to stop that. */
  onMove(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}
