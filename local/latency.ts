export type Backend = 'database' | 'redis' | 'qstash' | 'other'

/** How far the backends are: `ms` there and back, at most `jitterMs` more or less. */
export type Latency = { [backend in Backend]?: { ms: number; jitterMs?: number } } & {
  /** The same seed and the same order of calls meet the same delays. Default 1. */
  seed?: number
  /** How many calls of one request may wait for an answer at once; Workers allow 6. */
  connections?: number
}

/** Draws how long the next call to a backend takes; the same seed draws the same delays. */
export function delaysOf(latency: Latency): (backend: Backend) => number {
  const random = randomFrom(latency.seed ?? 1)
  return (backend) => {
    const { ms, jitterMs = 0 } = latency[backend] ?? { ms: 0 }
    return Math.max(0, ms + jitterMs * (2 * random() - 1))
  }
}

/** Mulberry32: numbers in [0, 1) that depend on the seed alone. */
function randomFrom(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
