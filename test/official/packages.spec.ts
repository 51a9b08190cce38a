import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { withPayments } from '../../sdk/client/index.ts'
import { payosClient } from '../../sdk/x402/index.ts'
import { clientOptions, openShop } from '../sdk/support/market.ts'
import { OFFICIAL } from '../support/install.ts'
import { openWorld, type World } from '../support/world.ts'
import { clients, openClient, openPackages, type Packages } from './support/packages.ts'
import { type OfficialShop, openOfficialShop, servers } from './support/shop.ts'

const ROOT = dirname(dirname(import.meta.dirname))

let packages: Packages
let world: World
const shops = new Map<string, Pick<OfficialShop, 'url' | 'stop'>>()

beforeAll(async () => {
  packages = await openPackages()
  world = await openWorld()
  for (const name of servers) shops.set(name, await openOfficialShop({ world, packages }, name))
  shops.set('our paywall', await openShop(world, { answer: () => Response.json(weather) }))
}, 600_000)

afterAll(async () => {
  for (const shop of shops.values()) await shop.stop()
  await world?.close()
})

const weather = { city: 'lima', sky: 'overcast' }

const pairs = [...clients, 'our fetch' as const].flatMap((client) =>
  [...servers, 'our paywall'].map((server) => ({ client, server })),
)

describe('the official packages, unmodified but for our scheme', () => {
  it.for(pairs)('complete a paid call: $client at $server', async (pair, { expect }) => {
    const agent = await world.agent({ signs: true })
    const options = clientOptions(world, agent)
    const pay =
      pair.client === 'our fetch'
        ? withPayments(fetch, options)
        : await openClient(packages, pair.client, payosClient(options))

    const response = await pay(`${shops.get(pair.server)?.url}?city=lima`)

    expect([response.status, await response.json()]).toEqual([200, weather])
    const [payment, ...others] = await world.paymentsOf(agent)
    expect(others).toEqual([])
    const receipt = JSON.parse(atob(response.headers.get('payment-response') ?? ''))
    expect(receipt).toMatchObject({ success: true, transaction: payment?.id, amount: '1000' })
  })

  it('take our schemes by their own types', async ({ expect }) => {
    const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
    const check = promisify(execFile)(process.execPath, [tsc, '--noEmit', '--project', OFFICIAL])

    expect(await check).toMatchObject({ stdout: '' })
  })

  it('have a lock file that is complete for every platform', async ({ expect }) => {
    const text = await readFile(join(OFFICIAL, 'package-lock.json'), 'utf8')
    const { packages: locked } = JSON.parse(text) as {
      packages: Record<string, { optionalDependencies?: Record<string, string> }>
    }
    const missing = Object.values(locked).flatMap(({ optionalDependencies = {} }) =>
      Object.keys(optionalDependencies).filter((name) => !locked[`node_modules/${name}`]),
    )

    expect(missing).toEqual([])
  })
})
