import { Redis } from '@upstash/redis'
import { dependency } from './failure.ts'
import type { Target } from './target.ts'

const TIMEOUT_MS = 5_000

/** Deletes what the shared cache tier knows of something an operator just changed. */
export type Caches = { forgetQuote: (endpointId: string) => Promise<void> }

/** The shared cache tier. See docs/storage.md for its keys. */
export function connectCaches({ redis, environment }: Target): Caches {
  const client = new Redis({
    url: redis.url,
    token: redis.token,
    retry: { retries: 0 },
    enableAutoPipelining: false,
    enableTelemetry: false,
    signal: () => AbortSignal.timeout(TIMEOUT_MS),
  })
  return {
    async forgetQuote(endpointId) {
      try {
        await client.del(`payos:${environment}:quote:${endpointId}`)
      } catch {
        // The client's errors repeat whole commands; they are not passed on.
        throw dependency(
          'the ledger has the change, but Redis did not answer: quotes may be 60 s old; repeat it',
        )
      }
    },
  }
}
