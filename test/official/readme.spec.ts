import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, inject, it } from 'vitest'
import { startPayos } from '../../local/payos.ts'
import { installSdk } from '../../sdk/build.ts'
import { openShop, type Shop } from '../sdk/support/market.ts'
import { freePort } from '../sdk/support/serve.ts'
import { install, OFFICIAL } from '../support/install.ts'
import { openDatabase } from '../support/postgres.ts'
import { World } from '../support/world.ts'

const ROOT = dirname(dirname(import.meta.dirname))

/** A project with our package and the official ones installed, outside this one. */
let project: string
let world: World
let shop: Shop
let snippets: string[]

beforeAll(async () => {
  await install(OFFICIAL)
  project = await mkdtemp(join(tmpdir(), 'payos-x402-'))
  await installSdk(project)
  for (const name of ['@x402', 'hono']) {
    await symlink(join(OFFICIAL, 'node_modules', name), join(project, 'node_modules', name))
  }
  const text = await readFile(join(ROOT, 'sdk/x402/README.md'), 'utf8')
  snippets = [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, source = '']) => source)
  const port = await freePort()
  const database = await openDatabase()
  const payos = await startPayos({
    databaseUrl: database.url('authenticator'),
    bundle: inject('bundle'),
    issuer: `http://127.0.0.1:${port}`,
    ports: { edge: port },
  })
  world = new World(payos, database)
  shop = await openShop(world, { answer: () => Response.json({ sky: 'clear' }) })
}, 600_000)
afterAll(async () => {
  await shop?.stop()
  await world?.close()
  await rm(project, { recursive: true, force: true })
})

/** Runs a snippet as it stands; what it serves is asked once. */
async function run(at: number): Promise<string> {
  const path = join(project, `snippet-${at}.mjs`)
  await writeFile(path, snippets[at] ?? '')
  const runner = `const it = await import(${JSON.stringify(path)})
    const fetch = it.default?.fetch
    if (fetch) console.log((await fetch(new Request(process.env.WEATHER_URL))).status)
    process.exit(0)`
  const agent = await world.agent()
  const env = {
    PATH: process.env['PATH'],
    PAYOS_EDGE: world.payos.issuer,
    PAYOS_AGENT_KEY: agent.apiKey,
    PAYOS_WALLET_ID: agent.walletId,
    PAYOS_PROVIDER_KEY: shop.endpoint.provider.apiKey,
    PAYOS_PROVIDER_ID: shop.endpoint.provider.id,
    PAYOS_ENDPOINT_ID: shop.endpoint.id,
    WEATHER_URL: shop.url,
  }
  const args = ['--input-type=module', '--eval', runner]
  const { stdout } = await promisify(execFile)(process.execPath, args, { env, cwd: project })
  return stdout.trim()
}

describe('each snippet of sdk/x402/README.md', () => {
  it('says what it says', async ({ expect }) => {
    expect([await run(0), await run(1)]).toEqual(["200 { sky: 'clear' }", '402'])
    expect(snippets).toHaveLength(2)
  })
})
