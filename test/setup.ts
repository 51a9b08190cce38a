import type { TestProject } from 'vitest/node'
import { type Bundle, bundleWorker } from '../local/bundle.ts'
import { createTemplate, dropDatabase } from '../local/database.ts'
import { postgresFromUrl, startPostgres } from '../local/postgres.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    /** The server of this run; `template` has roles, migrations and seed, and is to be cloned. */
    postgres: { port: number; superuserUrl: string; template: string }
    /** The Worker, built once. */
    bundle: Bundle
  }
}

/** Starts what all specs of a run share, once, and returns how to end it. */
export default async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  const address = process.env['DATABASE_URL']
  const postgres = address ? postgresFromUrl(address) : await startPostgres()
  const template = await createTemplate(postgres).catch(async (cause: unknown) => {
    await postgres.stop()
    throw cause
  })
  provide('bundle', await bundleWorker())
  provide('postgres', { port: postgres.port, superuserUrl: postgres.url('postgres'), template })

  return async () => {
    await dropDatabase(postgres, template)
    await postgres.stop()
  }
}
