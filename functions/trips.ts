import type { Backend, Trips } from '../shared/ports.ts'

/**
 * The backend trips one request waited for, in order, with their durations.
 *
 * In production the clock stands still while the CPU works and moves at each answer from outside,
 * which is just what is measured here.
 */
export class RequestTrips implements Trips {
  readonly taken: { backend: Backend; ms: number }[] = []

  async wait<Value>(backend: Backend, trip: () => Promise<Value>): Promise<Value> {
    const started = performance.now()
    try {
      return await trip()
    } finally {
      this.taken.push({ backend, ms: performance.now() - started })
    }
  }

  /** The value of a `Server-Timing` header (W3C): one entry per trip. */
  toString(): string {
    return this.taken.map(({ backend, ms }) => `${backend};dur=${ms.toFixed(1)}`).join(', ')
  }
}
