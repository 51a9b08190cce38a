import type { Server } from 'node:http'
import { afterAll, afterEach, beforeAll, describe, it } from 'vitest'
import { buy } from '../../examples/weather/agent.ts'
import { createWeather } from '../../examples/weather/provider.ts'
import { type Agent, openWorld, type World } from '../support/world.ts'
import { clientOptions } from './support/market.ts'
import { close, freePort } from './support/serve.ts'

const prices = { weather: '1000', report: '5000000', stream: '1000', metered: '700' }

let world: World
let agent: Agent
let server: Server
let origin: string

beforeAll(async () => {
  world = await openWorld()
  agent = await world.agent()
  const port = await freePort()
  origin = `http://127.0.0.1:${port}`
  const provider = await world.provider()
  const made = Object.entries(prices).map(async ([name, price]) => {
    const { id } = await world.endpoint({ provider, price, url: `${origin}/${name}` })
    return [name, id]
  })
  server = createWeather({
    edge: world.payos.edges.edges[0]?.url ?? '',
    issuer: world.payos.issuer,
    apiKey: provider.apiKey,
    providerId: provider.id,
    endpoints: Object.fromEntries(await Promise.all(made)),
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
})
afterEach(async ({ expect }) => {
  expect(await world.imbalances()).toEqual([])
})
afterAll(async () => {
  if (server) await close(server)
  await world?.close()
})

const options = (more = {}) => clientOptions(world, agent, { maxAmount: 10, ...more })

describe('the weather example', () => {
  it.for([
    ['/free', '200, for nothing: {"sky":"there is one"}'],
    ['/weather?city=lima', '200, for 0.001 USDC: {"celsius":19,"sky":"overcast"}'],
    ['/report', '200, for 5 USDC: {"report":["overcast"'],
    ['/stream', '200, for 0.001 USDC: overcast\nclear\ndrizzle\n'],
    ['/metered', '200, for 0.0007 USDC: {"forecast":["overcast","clear"'],
  ] as const)('sells %s', async ([path, said], { expect }) => {
    expect((await buy(origin + path, options())).startsWith(said)).toBe(true)
  })

  it('takes of a hold what was used', async ({ expect }) => {
    const before = BigInt(await world.balanceOf(agent))

    const said = await buy(`${origin}/metered?days=2`, options({ capture: 'manual' }))

    expect(said).toContain('{"forecast":["overcast","clear"]}')
    await expect
      .poll(async () => before - BigInt(await world.balanceOf(agent)), { timeout: 10_000 })
      .toBe(200n)
  })
})
