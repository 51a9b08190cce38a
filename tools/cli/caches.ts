import { Redis } from '@upstash/redis'
import { dependency } from './failure.ts'
import type { Target } from './target.ts'

const TIMEOUT_MS = 5_000

/** Deletes what the shared cache tier knows of something an operator just changed. */
export type Caches = { forgetQuote: (endpointId: string) => Promise<void> }

/** The shared cache tier, and those of all regions. See docs/storage.md for their keys. */
export function connectCaches({ redis, environment }: Target): Caches {
  const clients = redis.map(connect)
  return {
    async forgetQuote(endpointId) {
      const key = `payos:${environment}:quote:${endpointId}`
      const deleted = await Promise.allSettled(clients.map((client) => client.del(key)))
      const silent = redis.filter((_, at) => deleted[at]?.status === 'rejected')
      if (silent.length === 0) return
      // The client's errors repeat whole commands; they are not passed on.
      const hosts = silent.map(({ url }) => new URL(url).host).join(', ')
      throw dependency(
        `the ledger has the change, but Redis did not answer (${hosts}): quotes may be 60 s old; repeat it`,
      )
    },
  }
}

const connect = ({ url, token }: Target['redis'][number]) =>
  new Redis({
    url,
    token,
    retry: { retries: 0 },
    enableAutoPipelining: false,
    enableTelemetry: false,
    signal: () => AbortSignal.timeout(TIMEOUT_MS),
  })
