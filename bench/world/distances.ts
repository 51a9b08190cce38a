import type { Latency } from '../../local/latency.ts'

/** Where the backends are, as seen by an edge; each call's delay varies a little, by a fixed seed. */
export const distances = {
  /** Everything in one region. */
  region: { database: { ms: 5, jitterMs: 1 }, redis: { ms: 1 }, qstash: { ms: 5 } },
  /** What the replaced system measured from its own edge. */
  replaced: {
    database: { ms: 140, jitterMs: 5 },
    redis: { ms: 8, jitterMs: 1 },
    qstash: { ms: 30, jitterMs: 3 },
  },
  /** A database on another continent. */
  far: { database: { ms: 250, jitterMs: 8 }, redis: { ms: 8, jitterMs: 1 }, qstash: { ms: 30 } },
} satisfies Record<string, Latency>

/** A distance with what Workers allow: six calls of one request waiting at once. */
export const latencyOf = (distance: keyof typeof distances): Latency => ({
  ...distances[distance],
  seed: 402,
  connections: 6,
})

/** The way from an agent to a provider and back, in every world. */
export const AGENT_PROVIDER_MS = 5
