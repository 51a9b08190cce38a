import { type EdgeCall, type EdgeCallOptions, edgeCall } from './edge-call.ts'
import type { ProofReason } from './proof.ts'

/** A payment about to be served. */
export type Use = {
  paymentId: string
  /** Names this attempt at serving it; only that attempt may give the claim back. */
  attemptId: string
  /** How long the claim must be remembered, in unix seconds. */
  until: number
  proof: string
  endpointId: string
  method: string
  url: string
}

/**
 * Remembers which payments were served, so that each is served once.
 *
 * `claim` answers why the use is refused, or nothing when it is the first. It throws when that
 * cannot be known, and the request is then answered 503: it never lets one through.
 */
export type Claims = {
  /** Whether every process of this provider sees the same claims. Live mode needs that. */
  readonly shared: boolean
  /** Whether a claim also settles what a leased proof promises, so that nobody has to present it. */
  readonly settles?: boolean
  claim(use: Use): Promise<ProofReason | undefined>
  /** Nothing was delivered: the proof may be used again. */
  release(use: Use): Promise<void>
}

/** Claims of this process alone: for tests, and for a provider that never has a second process. */
export function memoryClaims(nowSeconds: () => number = () => Date.now() / 1000): Claims {
  const uses = new Map<string, Pick<Use, 'attemptId' | 'until'>>()
  let sweepAt = 0
  const sweep = (now: number) => {
    if (now < sweepAt) return
    sweepAt = now + 60
    for (const [id, { until }] of uses) if (until < now) uses.delete(id)
  }
  return {
    shared: false,
    async claim({ paymentId, attemptId, until }) {
      sweep(nowSeconds())
      if (uses.has(paymentId)) return 'proof_already_used'
      uses.set(paymentId, { attemptId, until })
      return undefined
    },
    async release({ paymentId, attemptId }) {
      if (uses.get(paymentId)?.attemptId === attemptId) uses.delete(paymentId)
    },
  }
}

/** What is used of a Redis client: `@upstash/redis` and `redis` (node-redis) have this form. */
export type RedisLike = {
  set(key: string, value: string, options: never): Promise<unknown>
  del(key: string): Promise<unknown>
}

export type RedisClaimsOptions = {
  /** Begins every key. Default `payos:claim:`. */
  prefix?: string
  nowSeconds?: () => number
}

/** Claims in a Redis that all processes share, each one `SET NX PX`. */
export function redisClaims(redis: RedisLike, options: RedisClaimsOptions = {}): Claims {
  const { prefix = 'payos:claim:', nowSeconds = () => Date.now() / 1000 } = options
  return {
    shared: true,
    async claim({ paymentId, attemptId, until }) {
      const ms = Math.max(1, Math.ceil((until - nowSeconds()) * 1000))
      // Both clients' spellings of the same two options; each passes over the other's.
      const once = { nx: true, px: ms, NX: true, PX: ms } as never
      const answer = await redis.set(prefix + paymentId, attemptId, once)
      return answer === 'OK' ? undefined : 'proof_already_used'
    },
    // Whoever holds the claim is the only one to delete it, and it outlives every proof.
    async release({ paymentId }) {
      await redis.del(prefix + paymentId)
    },
  }
}

/**
 * Claims at the edge: one trip per request, nothing to operate. Without the edge nothing is served.
 *
 * Whatever the edge says, this process serves no payment twice.
 */
export const edgeClaims = (options: EdgeCallOptions): Claims => edgeClaimsBy(edgeCall(options))

export function edgeClaimsBy(call: EdgeCall, nowSeconds?: () => number): Claims {
  const here = memoryClaims(nowSeconds)
  const verify = async (use: Use, action: Record<string, unknown>) => {
    const { proof, endpointId, attemptId } = use
    const body = await call('/verify', { proof, endpointId, attemptId, ...action })
    if (typeof body['valid'] === 'boolean') return body
    throw new Error('the edge did not say whether it is the first use')
  }
  const consume = async (use: Use) => {
    const { method, url: resource } = use
    const body = await verify(use, { consume: true, method, resource })
    return body['valid'] === true ? undefined : (body['reason'] as ProofReason)
  }
  return {
    shared: true,
    settles: true,
    async claim(use) {
      const served = await here.claim(use)
      if (served) return served
      let isOurs = false
      try {
        // The same attempt is told the same, so an answer that was lost is asked for again.
        const reason = await consume(use).catch((cause) => again(cause) && consume(use))
        isOurs = !reason
        return reason
      } finally {
        if (!isOurs) await here.release(use)
      }
    },
    async release(use) {
      await verify(use, { release: true })
      await here.release(use)
    },
  }
}

/** Whoever did not answer in time is not waited for twice. @throws the cause then. */
function again(cause: unknown): true {
  if (cause instanceof Error && cause.name === 'TimeoutError') throw cause
  return true
}
