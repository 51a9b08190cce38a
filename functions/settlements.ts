import { Hono } from 'hono'
import * as z from 'zod'
import { SHARDS } from '../shared/domain/lease.ts'
import { problem } from '../shared/domain/problem.ts'
import { Whole } from '../shared/protocol/fields.ts'
import { type CallbackDeps, poison, readCallback } from './callbacks.ts'
import type { Deps } from './deps.ts'
import { drainShard } from './drain.ts'
import { type PayosContext, type PayosEnv, refuse } from './http.ts'
import { flushOutbox } from './outbox.ts'
import type { Region } from './regions.ts'

type SettlementsDeps = CallbackDeps & Pick<Deps, 'clock' | 'later' | 'outbox' | 'regions' | 'wakes'>

/** All a wake says: where to look. What is there, the stream says, and what it means, the ledger. */
const Wake = z.strictObject({ region: z.string(), shard: Whole.pipe(z.int().lt(SHARDS)) })

/**
 * `POST /internal/settlements`, for QStash: settles what the edges of a region promised in one shard.
 *
 * A wake that is lost, doubled, late or out of order changes nothing: each drains what it finds.
 */
export const settlements = (deps: SettlementsDeps) =>
  new Hono<PayosEnv>().post('/', async (c) => {
    const callback = await readCallback(c, deps)
    if (!callback.ok) return refuse(c, callback.problem)
    const wake = Wake.safeParse(callback.value)
    const region = deps.regions.find(({ name }) => name === wake.data?.region)
    if (!wake.success || !region) return poison(c)

    return drain(c, deps, { region, shard: wake.data.shard })
  })

/** Drains the shard, and sees to what that leaves: the rest of it, and whom to tell. */
async function drain(
  c: PayosContext,
  deps: SettlementsDeps,
  { region, shard }: { region: Region; shard: number },
): Promise<Response> {
  const drained = await drainShard(region, shard).catch(() => undefined)
  if (!drained) return refuse(c, notNow)
  // Who has a webhook is told of what was settled here, without waiting for the clock.
  if (drained.settled > 0) deps.later(c, flushOutbox(deps))
  if (drained.waiting > 0) {
    const second = deps.clock.nowSeconds()
    deps.later(c, deps.wakes.wakeShard({ region: region.name, shard, second }))
  }
  return c.json(drained)
}

const notNow = problem('dependency_unavailable', {
  detail: 'The shard could not be drained now. Its records are where they were.',
  hint: 'Deliver the message again.',
  retryAfterMs: 1_000,
})
