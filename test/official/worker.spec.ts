import { join } from 'node:path'
import { build } from 'esbuild'
import { Miniflare } from 'miniflare'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { payosClient } from '../../sdk/x402/index.ts'
import { clientOptions } from '../sdk/support/market.ts'
import { freePort } from '../sdk/support/serve.ts'
import { OFFICIAL } from '../support/install.ts'
import { openWorld, type World } from '../support/world.ts'
import { openClient, openPackages, type Packages } from './support/packages.ts'
import { providerOptions } from './support/shop.ts'

let packages: Packages
let world: World

beforeAll(async () => {
  packages = await openPackages()
  world = await openWorld()
}, 600_000)
afterAll(() => world?.close())

describe('the official provider in workerd', () => {
  it('serves the first request of its isolate, built at module scope', async ({
    expect,
    onTestFinished,
  }) => {
    const port = await freePort()
    const url = `http://127.0.0.1:${port}/weather`
    const endpoint = await world.endpoint({ url })
    const { nowSeconds: _, ...options } = providerOptions(world, endpoint)
    const worker = new Miniflare({
      modules: true,
      script: await bundle(`
        import { createWorker } from './worker.ts'
        export default createWorker(${JSON.stringify(options)})`),
      compatibilityDate: '2026-07-30',
      compatibilityFlags: ['nodejs_compat'],
      host: '127.0.0.1',
      port,
    })
    onTestFinished(() => worker.dispose())
    await worker.ready
    const payos = payosClient(clientOptions(world, await world.agent()))
    const pay = await openClient(packages, 'fetch 2.27', payos)

    const response = await pay(url)

    expect([response.status, await response.json()]).toEqual([
      200,
      { city: 'lima', sky: 'overcast' },
    ])
  })
})

/** One script of an entry that stands in the folder of the examples. */
async function bundle(contents: string): Promise<string> {
  const built = await build({
    stdin: { contents, resolveDir: OFFICIAL, sourcefile: join(OFFICIAL, 'entry.ts') },
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    conditions: ['workerd', 'worker'],
    alias: { url: 'node:url' },
    external: ['node:*'],
    logLevel: 'error',
  })
  return built.outputFiles[0]?.text ?? ''
}
