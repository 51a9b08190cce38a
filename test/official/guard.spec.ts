import { afterAll, beforeAll, describe, it } from 'vitest'
import { hostileProvider } from '../../sdk/testing/index.ts'
import { payosClient } from '../../sdk/x402/index.ts'
import { clientOptions, openShop, requirementOf, type Shop } from '../sdk/support/market.ts'
import { serve } from '../sdk/support/serve.ts'
import { type Agent, openWorld, type World } from '../support/world.ts'
import { openClient, openPackages, type Packages, type Paying } from './support/packages.ts'

let packages: Packages
let world: World
let shop: Shop

beforeAll(async () => {
  packages = await openPackages()
  world = await openWorld()
  shop = await openShop(world)
}, 600_000)
afterAll(async () => {
  await shop?.stop()
  await world?.close()
})

async function openBuyer(options = {}): Promise<{ agent: Agent; pay: Paying }> {
  const agent = await world.agent()
  const payos = payosClient(clientOptions(world, agent, options))
  return { agent, pay: await openClient(packages, 'fetch 2.27', payos) }
}

describe('an agent on the official client', () => {
  it('pays nobody who passes on the 402 of another', async ({ expect, onTestFinished }) => {
    const { agent, pay } = await openBuyer()
    const thief = await serve(() => fetch(shop.url))
    onTestFinished(() => thief.stop())

    await expect(pay(`${thief.origin}/weather`)).rejects.toMatchObject({
      code: 'endpoint_not_owner',
    })
    expect(await world.paymentsOf(agent)).toEqual([])
  })

  it('pays no 402 that a redirect led to', async ({ expect, onTestFinished }) => {
    const { agent, pay } = await openBuyer()
    const lure = await serve(() => Response.redirect(shop.url, 307))
    onTestFinished(() => lure.stop())

    await expect(pay(lure.origin)).rejects.toMatchObject({ code: 'redirected' })
    expect(await world.paymentsOf(agent)).toEqual([])
  })

  it('shows its proof to no other origin', async ({ expect, onTestFinished }) => {
    const { pay } = await openBuyer()
    const elsewhere = await serve(() => new Response('thanks'))
    const trap = await serve(() => new Response())
    onTestFinished(async () => void (await Promise.all([elsewhere.stop(), trap.stop()])))
    const endpoint = await world.endpoint({ url: `${trap.origin}/weather` })
    const honest = await requirementOf(world, endpoint)
    trap.handle = hostileProvider('redirect_to_other_origin', honest, {
      elsewhere: elsewhere.origin,
    })

    const response = await pay(endpoint.url)

    expect(response.status).toBe(307)
    expect(elsewhere.requests).toEqual([])
  })

  it('pays once for a URL whose answer is lost, however often it is called', async ({
    expect,
    onTestFinished,
  }) => {
    const { agent, pay } = await openBuyer()
    const broken = await serve(() => new Response())
    onTestFinished(() => broken.stop())
    const endpoint = await world.endpoint({ url: `${broken.origin}/weather` })
    broken.handle = hostileProvider('error_after_proof', await requirementOf(world, endpoint))

    for (const _ of [1, 2, 3]) expect((await pay(endpoint.url)).status).toBe(500)

    expect(await world.paymentsOf(agent)).toHaveLength(1)
  })

  it('keeps within its own limits', async ({ expect }) => {
    const { agent, pay } = await openBuyer({ maxAmount: '0.0005' })

    await expect(pay(shop.url)).rejects.toThrow('more than "maxAmount"')
    expect(await world.paymentsOf(agent)).toEqual([])
  })
})
