import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, it } from 'vitest'
import { PaymentError, type PaymentEvent, paymentOf, withPayments } from '../../sdk/client/index.ts'
import { openWorld, type World } from '../support/world.ts'
import { type Mishap, mishaps } from './support/links.ts'
import { clientOptions, openShop, type Shop } from './support/market.ts'

let world: World
let shop: Shop

beforeAll(async () => {
  world = await openWorld()
  shop = await openShop(world)
})
afterEach(async ({ expect }) => {
  expect(await world.imbalances()).toEqual([])
})
afterAll(async () => {
  await shop?.stop()
  await world?.close()
})

const failureOf = async (attempt: Promise<unknown>): Promise<PaymentError> => {
  const outcome = await attempt.catch((error: unknown) => error)
  if (outcome instanceof PaymentError) return outcome
  throw new Error('it did not fail as a payment fails', { cause: outcome })
}

/** An agent with 10 000 units, over a network with mishaps on the way to `path`. */
async function agentOver(path: string, planned: Mishap[], events: PaymentEvent[] = []) {
  const agent = await world.agent({ funds: '10000' })
  const options = clientOptions(world, agent, { onEvent: (event) => events.push(event) })
  return { agent, pay: withPayments(mishaps(path, planned), options) }
}

describe('a call whose way to the edge fails', () => {
  it.for([
    ['no request arrives', ['lost_request']],
    ['the answer is lost', ['lost_answer']],
    ['the answer is no answer of the edge', ['garbled_answer']],
    ['three attempts fail', ['lost_answer', 'lost_request', 'lost_answer']],
  ] as [string, Mishap[]][])('is paid once when %s', async ([, planned], { expect }) => {
    const { agent, pay } = await agentOver('/pay', planned)

    expect((await pay(shop.url)).status).toBe(200)
    expect(await world.balanceOf(agent)).toBe('9000')
  })

  it('fails with the payment id when no answer comes, and the next call ends it', async ({
    expect,
  }) => {
    const lost = Array<Mishap>(5).fill('lost_answer')
    const { agent, pay } = await agentOver('/pay', lost)

    const failure = await failureOf(pay(shop.url))
    const response = await pay(shop.url)

    expect(failure).toMatchObject({ code: 'outcome_unknown', retry: 'same_request' })
    expect(paymentOf(response)?.paymentId).toBe(failure.paymentId)
    expect((await world.paymentsOf(agent)).map(({ id }) => id)).toEqual([failure.paymentId])
    expect(await world.balanceOf(agent)).toBe('9000')
  })

  it('asks what became of the payment, and goes on when there is one', async ({ expect }) => {
    const lost = Array<Mishap>(4).fill('lost_answer')
    const { agent, pay } = await agentOver('/pay', lost)

    expect((await pay(shop.url)).status).toBe(200)
    expect(await world.balanceOf(agent)).toBe('9000')
  })

  it('pays nothing when no quote can be had', async ({ expect }) => {
    const { agent, pay } = await agentOver('/endpoints', Array<Mishap>(9).fill('lost_answer'))

    const failure = await failureOf(pay(shop.url))

    expect([failure.code, failure.paymentId]).toEqual(['dependency_unavailable', undefined])
    expect(await world.balanceOf(agent)).toBe('10000')
  })
})

describe('a provider that fails after the payment', () => {
  it('is shown the same proof again', async ({ expect }) => {
    let failures = 2
    const weak = await openShop(world, {
      answer: () => (failures-- > 0 ? new Response('', { status: 502 }) : new Response('late')),
    })
    const { agent, pay } = await agentOver('nowhere', [])

    expect(await (await pay(weak.url)).text()).toBe('late')
    expect(new Set(weak.served).size).toBe(1)
    expect(await world.balanceOf(agent)).toBe('9000')
    await weak.stop()
  })

  it('is paid once however often the call is made, until it delivers', async ({ expect }) => {
    let isBroken = true
    const weak = await openShop(world, {
      answer: () => new Response('late', { status: isBroken ? 500 : 200 }),
    })
    const { agent, pay } = await agentOver('nowhere', [])

    const failures = [await failureOf(pay(weak.url)), await failureOf(pay(weak.url))]
    isBroken = false
    const response = await pay(weak.url)

    expect(failures.map(({ code }) => code)).toEqual(['paid_not_delivered', 'paid_not_delivered'])
    expect(failures[0]?.response?.status).toBe(500)
    expect(paymentOf(response)?.paymentId).toBe(failures[1]?.paymentId)
    expect(await world.balanceOf(agent)).toBe('9000')
    await weak.stop()
  })

  it('is not sent a request with effects a second time by itself', async ({ expect }) => {
    const weak = await openShop(world, {
      method: 'POST',
      answer: () => new Response('', { status: 500 }),
    })
    const { pay } = await agentOver('nowhere', [])

    const failure = await failureOf(pay(weak.url, { method: 'POST', body: 'order' }))

    expect(failure.code).toBe('paid_not_delivered')
    expect(weak.served).toHaveLength(1)
    await weak.stop()
  })

  it('keeps the payment when it answers a 404, and is shown it again for that', async ({
    expect,
  }) => {
    let status = 404
    const bare = await openShop(world, { answer: () => new Response('', { status }) })
    const { agent, pay } = await agentOver('nowhere', [])

    const missing = await pay(bare.url)
    status = 200
    const found = await pay(bare.url)

    expect([missing.status, found.status]).toEqual([404, 200])
    expect(await world.balanceOf(agent)).toBe('9000')
    await bare.stop()
  })

  it('is shown a fresh proof when the old one has expired', async ({ expect }) => {
    let isBroken = true
    const weak = await openShop(world, {
      answer: () => new Response('late', { status: isBroken ? 500 : 200 }),
    })
    const { agent, pay } = await agentOver('nowhere', [])
    await failureOf(pay(weak.url))
    await world.advance(300_000)
    isBroken = false

    expect((await pay(weak.url)).status).toBe(200)
    expect(await world.balanceOf(agent)).toBe('9000')
    await weak.stop()
  })

  it('is paid anew once the first payment can be redeemed no more', async ({ expect }) => {
    const weak = await openShop(world, { answer: () => new Response('', { status: 500 }) })
    const { agent, pay } = await agentOver('nowhere', [])
    const payment = { requestId: randomUUID() }
    await failureOf(pay(weak.url, { payment }))
    await world.advance(901_000)

    const named = await failureOf(pay(weak.url, { payment }))

    expect([named.code, named.paymentId]).toEqual(['redemption_over', expect.any(String)])
    expect(await world.balanceOf(agent)).toBe('9000')
    await weak.stop()
  })
})

describe('a price that changes on the way', () => {
  it('is asked anew, judged anew and paid under the same request id', async ({ expect }) => {
    const agent = await world.agent({ funds: '10000' })
    const moving = await openShop(world, { price: '1000' })
    const pay = withPayments(fetch, clientOptions(world, agent))
    const { rise } = await risen(moving)
    const before = await pay(moving.url)
    await rise()

    const after = await pay(moving.url)

    expect([paymentOf(before)?.amount, paymentOf(after)?.amount]).toEqual(['0.001', '0.0015'])
    await moving.stop()
  })

  it('is refused when it drifts beyond what the first one allows', async ({ expect }) => {
    const agent = await world.agent({ funds: '10000' })
    const moving = await openShop(world, { price: '1000' })
    const events: PaymentEvent[] = []
    const pay = withPayments(
      fetch,
      clientOptions(world, agent, { maxPriceRise: 49, onEvent: (event) => events.push(event) }),
    )
    const { rise } = await risen(moving)
    await pay(moving.url)
    await rise()

    const failure = await failureOf(pay(moving.url))

    expect(failure.code).toBe('price_drift')
    expect(events.at(-1)).toMatchObject({ type: 'price_rise', offer: { firstAmount: '0.001' } })
    expect(await world.balanceOf(agent)).toBe('9000')
    await moving.stop()
  })

  /** Announces half as much again, and lets the moment come. */
  async function risen({ endpoint }: Shop) {
    return {
      async rise() {
        const from = new Date(world.payos.clock.now() + 200_000).toISOString()
        await world.operate('announce_x402_price', [endpoint.id, '1500', from])
        await world.advance(260_000)
      },
    }
  }
})
