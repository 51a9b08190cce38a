import type {
  ExecutionContext,
  ExportedHandler,
  ScheduledController,
} from '@cloudflare/workers-types'
import { createApp } from './app.ts'
import { readConfig } from './config.ts'
import { createDeps, type Deps } from './deps.ts'
import { sweepShards } from './drain.ts'
import { flushOutbox } from './outbox.ts'
import type { Region } from './regions.ts'

/** What lives as long as the isolate. Settled values and clients only. */
let deps: Deps | undefined
let app: ReturnType<typeof createApp> | undefined

export default {
  fetch(request: Request, env: unknown, context: ExecutionContext) {
    deps ??= createDeps(readConfig(env))
    app ??= createApp(deps)
    return app.fetch(request, env as object, context)
  },

  /** Each minute, whatever messages came or not; one duty that fails keeps none from its work. */
  async scheduled(_: ScheduledController, env: unknown) {
    deps ??= createDeps(readConfig(env))
    const duties = await Promise.allSettled([
      deps.upkeep.rollUpCredits(),
      flushOutbox(deps),
      ...deps.regions.map(settleRegion),
    ])
    const failed = duties.find((duty) => duty.status === 'rejected')
    if (failed) throw failed.reason
  },
} satisfies Pick<ExportedHandler, 'scheduled'> & { fetch: unknown }

/** Settles all that a region promised, then takes back the escrow nobody can draw on any more. */
async function settleRegion(region: Region): Promise<void> {
  await sweepShards(region)
  await region.escrow.reclaim()
}
