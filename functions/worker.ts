import type {
  ExecutionContext,
  ExportedHandler,
  ScheduledController,
} from '@cloudflare/workers-types'
import { createApp } from './app.ts'
import { readConfig } from './config.ts'
import { createDeps, type Deps } from './deps.ts'
import { everyMinute } from './minute.ts'

/** What lives as long as the isolate. Settled values and clients only. */
let deps: Deps | undefined
let app: ReturnType<typeof createApp> | undefined

export default {
  fetch(request: Request, env: unknown, context: ExecutionContext) {
    deps ??= createDeps(readConfig(env))
    app ??= createApp(deps)
    return app.fetch(request, env as object, context)
  },

  async scheduled(_: ScheduledController, env: unknown) {
    deps ??= createDeps(readConfig(env))
    await everyMinute(deps)
  },
} satisfies Pick<ExportedHandler, 'scheduled'> & { fetch: unknown }
