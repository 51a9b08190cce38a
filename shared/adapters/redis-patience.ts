import type { Clock } from '../ports.ts'

/** After this many failures in a row Redis is left alone for a while. */
const FAILURES_MAX = 3
const OPEN_SECONDS = 5

/** How long the first of a batch waits for the others. */
const BATCH_MS = 25

/** A batch whose writer was ended with its request is taken over after this long. */
const ABANDONED_MS = 1_000

/** Skips Redis while it fails, so that an outage costs no request its time. */
export function breaker(clock: Clock) {
  const state = { failures: 0, openUntil: 0 }
  return async <Value>(run: () => Promise<Value>): Promise<Value | undefined> => {
    if (clock.nowSeconds() < state.openUntil) return undefined
    try {
      const value = await run()
      state.failures = 0
      return value
    } catch {
      // Foreseen, and nothing in it helps: a cache that fails is a miss.
      state.failures += 1
      if (state.failures >= FAILURES_MAX) state.openUntil = clock.nowSeconds() + OPEN_SECONDS
      return undefined
    }
  }
}

/** Runs a command unless Redis is being left alone; nothing when it failed or was not asked. */
export type Guarded = ReturnType<typeof breaker>

/**
 * Writes what several requests want written as one call, made by the first of them.
 *
 * What waits is data; the call belongs to the request that makes it. An item that waits is lost
 * with its isolate, so only what may be lost goes here.
 */
export function batched<Item>(
  write: (items: readonly Item[]) => Promise<unknown>,
): (item: Item) => Promise<void> | undefined {
  let waiting: Item[] = []
  let dueAt = 0
  const writeAll = async () => {
    await new Promise((resolve) => setTimeout(resolve, BATCH_MS))
    const items = waiting
    waiting = []
    await write(items)
  }
  return (item) => {
    waiting.push(item)
    if (waiting.length > 1 && Date.now() < dueAt + ABANDONED_MS) return undefined
    dueAt = Date.now() + BATCH_MS
    return writeAll()
  }
}
