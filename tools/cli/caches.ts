import * as z from 'zod'
import { connect } from '../../shared/adapters/redis-call.ts'
import { redisLeases } from '../../shared/adapters/redis-leases.ts'
import { WalletId } from '../../shared/domain/ids.ts'
import { dependency } from './failure.ts'
import type { Target } from './target.ts'

const TIMEOUT_MS = 5_000

/** Where leases were ended, as the ledger says it. */
export const EndedLeases = z.array(z.object({ wallet_id: WalletId, region: z.string() }))
type EndedLeases = z.output<typeof EndedLeases>

/** Deletes what Redis knows of something an operator just changed. Safe to repeat. */
export type Caches = {
  forgetQuote: (endpointId: string) => Promise<void>
  /** From then on nothing is promised from them. */
  forgetLeases: (ended: EndedLeases) => Promise<void>
}

/** The shared cache tier, and those of all regions. See docs/storage.md for their keys. */
export function connectCaches({ redis: databases, environment }: Target): Caches {
  return {
    async forgetQuote(endpointId) {
      const key = `payos:${environment}:quote:${endpointId}`
      const forgotten = databases.map((redis) => connect(redis, TIMEOUT_MS).call('del', key))
      await reach(databases, forgotten, 'quotes may be 60 s old')
    },

    async forgetLeases(ended) {
      const forgotten = databases.map(async ({ region, ...address }) => {
        const own = ended.filter((lease) => lease.region === region)
        const store = redisLeases({ ...address, environment, region: region ?? '' }, wallClock)
        for (const lease of own) await store.revoke(lease.wallet_id)
      })
      await reach(databases, forgotten, 'payments may be promised by the old terms for 60 s')
    },
  }
}

const wallClock = { nowSeconds: () => Math.floor(Date.now() / 1000) }

/** Waits for all of them; fails with what it means that some did not answer. */
async function reach(
  databases: Target['redis'],
  works: readonly Promise<unknown>[],
  meaning: string,
): Promise<void> {
  const ended = await Promise.allSettled(works)
  const silent = databases.filter((_, at) => ended[at]?.status === 'rejected')
  if (silent.length === 0) return
  const hosts = silent.map(({ url }) => new URL(url).host).join(', ')
  throw dependency(
    `the ledger has the change, but Redis did not answer (${hosts}): ${meaning}; repeat it`,
  )
}
