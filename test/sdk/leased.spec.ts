import { afterAll, afterEach, beforeAll, describe, it } from 'vitest'
import { withPayments } from '../../sdk/client/index.ts'
import { memoryClaims, type PaywallEvent, type PaywallOptions } from '../../sdk/provider/index.ts'
import { type Agent, openWorld, type World } from '../support/world.ts'
import { clientOptions, openShop } from './support/market.ts'

let world: World
let agent: Agent

beforeAll(async () => {
  world = await openWorld({ locations: ['lima'] })
  agent = await world.agent()
  await world.operate('put_x402_settlement', [agent.walletId, 'async'])
  const endpoint = await world.endpoint()
  const lend = async () =>
    (await world.pay(agent, endpoint, { body: { settlement: 'async' } })).body.status
  while ((await lend()) !== 'held') await new Promise((resolve) => setTimeout(resolve, 50))
})
afterEach(async ({ expect }) => {
  expect(await world.imbalances()).toEqual([])
})
afterAll(() => world?.close())

/** A shop that keeps its own first uses, with what its paywall told and did in the background. */
async function openCounter(options: Partial<PaywallOptions> = {}) {
  const events: PaywallEvent[] = []
  const background: Promise<unknown>[] = []
  const asked: string[] = []
  const provider = await world.provider()
  const shop = await openShop(world, {
    provider,
    options: {
      apiKey: provider.apiKey,
      claims: memoryClaims(),
      onEvent: (event) => events.push(event),
      waitUntil: (promise) => background.push(promise),
      fetch: (input, init) => {
        asked.push(String(init?.body ?? ''))
        return fetch(input, init)
      },
      ...options,
    },
  })
  return { shop, events, background, presented: () => asked.filter((it) => it.includes('proofs')) }
}

const pay = () => withPayments(fetch, clientOptions(world, agent, { settlement: 'async' }))

describe('a leased proof', () => {
  it('is served at once, and presented with its like in the background', async ({ expect }) => {
    const { shop, events, background, presented } = await openCounter()

    const answers = await Promise.all([1, 2, 3].map(() => pay()(shop.url)))

    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200])
    expect(presented()).toEqual([])
    await Promise.all(background)
    expect(presented().map((body) => JSON.parse(body).proofs.length)).toEqual([3])
    expect(events.map(({ type }) => type)).toEqual(
      expect.not.arrayContaining(['unpaid', 'unavailable']),
    )
    const paid = (await world.paymentsOf(agent)).map(({ id }) => id)
    expect(paid).toEqual(expect.arrayContaining(shop.served))
    await shop.stop()
  })

  it('is presented by a provider that is about to end', async ({ expect }) => {
    const { shop, presented } = await openCounter()
    await pay()(shop.url)

    await shop.wall.present()

    expect(presented()).toHaveLength(1)
    expect((await world.paymentsOf(agent)).map(({ id }) => id)).toContain(shop.served[0])
    await shop.stop()
  })

  it('waits for an edge that is away, and is paid', async ({ expect }) => {
    let isAway = true
    const { shop, events, background } = await openCounter({
      fetch: (input, init) => {
        const isPresentation = String(init?.body ?? '').includes('proofs')
        if (!isPresentation || !isAway) return fetch(input, init)
        isAway = false
        return Promise.reject(new TypeError('fetch failed'))
      },
    })
    await pay()(shop.url)

    await Promise.all(background)

    expect(events.map(({ type }) => type)).toEqual(['refused', 'accepted', 'unavailable'])
    expect((await world.paymentsOf(agent)).map(({ id }) => id)).toContain(shop.served[0])
    await shop.stop()
  })

  it('needs no presentation when the edge claimed it', async ({ expect }) => {
    const provider = await world.provider()
    const { apiKey } = provider
    const shop = await openShop(world, { provider, options: { apiKey } })

    expect((await pay()(shop.url)).status).toBe(200)

    expect((await world.paymentsOf(agent)).map(({ id }) => id)).toContain(shop.served[0])
    await shop.stop()
  })

  it.for([
    ['takes settled payments only', { accept: 'settled' }],
    ['has no key to present it with', { apiKey: undefined }],
  ] as const)('is refused by a provider that %s', async ([, options], { expect }) => {
    const { apiKey, ...rest } = { apiKey: 'its own', ...options }
    const keyless = apiKey === undefined ? { apiKey: undefined as never } : {}
    const { shop } = await openCounter({ ...rest, ...keyless })

    await expect(pay()(shop.url)).rejects.toMatchObject({
      code: 'proof_refused',
      reason: 'proof_not_settled',
    })
    expect(shop.served).toEqual([])
    await shop.stop()
  })
})
