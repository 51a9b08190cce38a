import { afterAll, afterEach, beforeAll, describe, it } from 'vitest'
import { withPayments } from '../../sdk/client/index.ts'
import { type PaywallEvent, type PaywallOptions, paywall } from '../../sdk/provider/index.ts'
import { type Agent, openWorld, type World } from '../support/world.ts'
import { clientOptions, openShop, paywallOptions, type Sells } from './support/market.ts'

let world: World
let agent: Agent

beforeAll(async () => {
  world = await openWorld()
  agent = await world.agent()
})
afterEach(async ({ expect }) => {
  expect(await world.imbalances()).toEqual([])
})
afterAll(() => world?.close())

async function openCounter(answer: Sells, options: Partial<PaywallOptions> = {}) {
  const events: PaywallEvent[] = []
  const background: Promise<unknown>[] = []
  const provider = await world.provider()
  const shop = await openShop(world, {
    provider,
    answer,
    options: {
      apiKey: provider.apiKey,
      onEvent: (event) => events.push(event),
      waitUntil: (promise) => background.push(promise),
      ...options,
    },
  })
  const eventsOf = () => events.map(({ type }) => type).filter((type) => type !== 'refused')
  return { shop, events: eventsOf, background }
}

const pay = () => withPayments(fetch, clientOptions(world, agent, { capture: 'manual' }))

/** What the edge says of the payment now. */
async function stateOf(id: string | undefined) {
  const { body } = await world.get(`/v1/x402/payments/${id}`, { key: agent.apiKey })
  return body
}

const receiptOf = (response: Response) =>
  JSON.parse(atob(response.headers.get('payment-response') ?? ''))

describe('a held payment', () => {
  it('is captured after the handler', async ({ expect }) => {
    const { shop, events } = await openCounter(() => new Response('sunny'))

    const response = await pay()(shop.url)

    expect([response.status, receiptOf(response).amount]).toEqual([200, '1000'])
    expect(await stateOf(shop.served[0])).toMatchObject({ status: 'settled', amount: '0.001' })
    expect(events()).toEqual(['accepted'])
    await shop.stop()
  })

  it('is captured in part when the handler charges less, and the rest goes back', async ({
    expect,
  }) => {
    const before = BigInt(await world.balanceOf(agent))
    const { shop } = await openCounter((_, payment) => {
      payment.charge(400n)
      return new Response('sunny')
    })

    const response = await pay()(shop.url)

    expect([response.status, receiptOf(response).amount]).toEqual([200, '400'])
    expect(before - BigInt(await world.balanceOf(agent))).toBe(400n)
    await shop.stop()
  })

  it.for([
    ['answers an error', () => new Response('', { status: 500 })],
    ['throws', () => Promise.reject(new Error('broken'))],
    [
      'charges nothing',
      (_: Request, payment: { charge(amount: bigint): void }) => {
        payment.charge(0n)
        return new Response('on the house')
      },
    ],
  ] as const)('goes back to the agent when the handler %s', async ([, answer], { expect }) => {
    const before = await world.balanceOf(agent)
    const { shop } = await openCounter(answer as Sells)

    await pay()(shop.url).catch(() => undefined)

    expect(await stateOf(shop.served[0])).toMatchObject({ status: 'voided' })
    expect(await world.balanceOf(agent)).toBe(before)
    await shop.stop()
  })

  it('is captured later when the edge is away, and the answer is given', async ({ expect }) => {
    let isAway = true
    const { shop, events, background } = await openCounter(() => new Response('sunny'), {
      fetch: (input, init) => {
        if (!isAway || !String(input).endsWith('/settle')) return fetch(input, init)
        isAway = false
        return Promise.reject(new TypeError('fetch failed'))
      },
    })

    expect((await pay()(shop.url)).status).toBe(200)
    expect(await stateOf(shop.served[0])).toMatchObject({ status: 'held' })
    await Promise.all(background)

    expect(await stateOf(shop.served[0])).toMatchObject({ status: 'settled', amount: '0.001' })
    expect(events()).toEqual(['accepted', 'unavailable'])
    await shop.stop()
  })

  it('that somebody voided meanwhile is not served for', async ({ expect }) => {
    const { shop } = await openCounter(async (_, { paymentId }) => {
      const { apiKey: key } = shop.endpoint.provider
      await world.post('/v1/x402/settle', { paymentId, amount: '0' }, { key })
      return new Response('sunny')
    })

    await expect(pay()(shop.url)).rejects.toMatchObject({
      code: 'proof_refused',
      reason: expect.stringMatching(/^(settle_conflict|duplicate_settlement|payment_voided)$/),
    })
    await shop.stop()
  })

  it('is not what a settled payment is: that is charged whole', async ({ expect }) => {
    const { shop } = await openCounter((_, payment) => {
      payment.charge(400n)
      return new Response('sunny')
    })
    const whole = withPayments(fetch, clientOptions(world, agent))

    await expect(whole(shop.url)).rejects.toMatchObject({ code: 'paid_not_delivered' })
    await shop.stop()
  })

  it('is known to be captured when its provider crashed before it answered', async ({ expect }) => {
    const { shop } = await openCounter(() => new Response('sunny'))
    const { apiKey } = shop.endpoint.provider
    let reruns = 0
    let isUp = true
    const link: typeof fetch = async (input, init) => {
      const response = await fetch(input, init)
      if (!isUp || !new Headers(init?.headers).has('payment-signature')) return response
      isUp = false
      // Another process takes over, which remembers nothing of the first.
      shop.handle = paywall(paywallOptions(world, shop.endpoint, { apiKey })).wrap(() => {
        reruns += 1
        return new Response('again')
      })
      await response.body?.cancel()
      throw new TypeError('terminated')
    }
    const options = clientOptions(world, agent, { capture: 'manual' })

    const failure = await withPayments(link, options)(shop.url).catch((error) => error)

    const [paymentId] = shop.served
    const facts = { code: 'proof_refused', reason: 'proof_already_used', retry: 'never', paymentId }
    expect(failure).toMatchObject(facts)
    expect(await stateOf(paymentId)).toMatchObject({ status: 'settled', captured: '0.001' })
    expect([shop.served.length, reruns]).toEqual([1, 0])
    await shop.stop()
  })
})
