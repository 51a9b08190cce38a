import { afterAll, afterEach, beforeAll, describe, it } from 'vitest'
import { type PaymentEvent, paymentOf, withPayments } from '../../sdk/client/index.ts'
import { openWorld, type World } from '../support/world.ts'
import { clientOptions, openAgent, openShop, type Shop } from './support/market.ts'
import { serve } from './support/serve.ts'

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

/** The code an attempt fails with, and what the wallet lost. */
const codeOf = (attempt: Promise<unknown>) =>
  attempt.then(
    () => 'delivered',
    (error: { code?: string }) => error.code,
  )

/** Every hosted edge dates its answers (RFC 9110 section 6.6.1); the one on this machine does not. */
const dated: typeof fetch = async (input, init) => {
  const response = await fetch(input, init)
  const headers = new Headers(response.headers)
  headers.set('Date', new Date().toUTCString())
  return new Response(response.body, { status: response.status, headers })
}

describe('a paying fetch', () => {
  it('pays what a 402 asks and answers what was paid for', async ({ expect }) => {
    const { agent, pay } = await openAgent(world, {}, { funds: '10000' })

    const response = await pay(`${shop.url}?city=lima`)

    expect([response.status, await response.text()]).toEqual([200, 'sunny'])
    expect(await world.balanceOf(agent)).toBe('9000')
    expect(paymentOf(response)).toMatchObject({ amount: '0.001', currency: 'USDC' })
    expect(shop.served.at(-1)).toBe(paymentOf(response)?.paymentId)
  })

  it('lets answers other than 402 through, and asks the edge nothing', async ({ expect }) => {
    const free = await serve(() => new Response('gone', { status: 410 }))
    const { pay } = await openAgent(world)
    const trips = world.payos.postgrest.trips.length

    const response = await pay(free.origin)

    expect([response.status, paymentOf(response)]).toEqual([410, undefined])
    expect(world.payos.postgrest.trips).toHaveLength(trips)
    await free.stop()
  })

  it('repeats the whole request with the proof: method, headers and body', async ({ expect }) => {
    const post = await openShop(world, {
      method: 'POST',
      answer: async (request) =>
        new Response(`${request.headers.get('x-trace')} ${await request.text()}`),
    })
    const { pay } = await openAgent(world)

    const given = { method: 'POST', body: '{"q":1}', headers: { 'X-Trace': 'a' } }
    const byInit = await pay(post.url, given)
    const byRequest = await pay(new Request(post.url, { ...given, body: '{"q":2}' }))

    expect(await byInit.text()).toBe('a {"q":1}')
    expect(await byRequest.text()).toBe('a {"q":2}')
    await post.stop()
  })

  it('signs for an agent that has a key', async ({ expect }) => {
    const { pay } = await openAgent(world, {}, { signs: true })

    expect((await pay(shop.url)).status).toBe(200)
  })

  it('buys twice when it is called twice at once', async ({ expect }) => {
    const { agent, pay } = await openAgent(world, {}, { funds: '10000' })

    const both = await Promise.all([pay(shop.url), pay(shop.url)])

    expect(both.map(({ status }) => status)).toEqual([200, 200])
    expect(await world.balanceOf(agent)).toBe('8000')
  })

  it('takes the time from the edge when its own clock is wrong', async ({ expect }) => {
    const hourBehind = { now: () => Date.now() - 3_600_000, wait: async () => undefined }
    const agent = await world.agent({ signs: true })
    const pay = withPayments(dated, clientOptions(world, agent, { timing: hourBehind }))

    expect((await pay(shop.url)).status).toBe(200)
  })

  it('tells each step as it happens', async ({ expect }) => {
    const events: PaymentEvent[] = []
    const { pay } = await openAgent(world, { onEvent: (event) => events.push(event) })

    await pay(shop.url)

    expect(events.map(({ type }) => type)).toEqual([
      'offered',
      'paying',
      'paid',
      'presenting',
      'delivered',
    ])
  })
})

describe('a purchase of one name', () => {
  it('is paid once, and other content under it is refused', async ({ expect }) => {
    const { agent, pay } = await openAgent(world, {}, { funds: '10000' })
    const payment = { requestId: 'order-1' }

    const first = await pay(shop.url, { payment })
    const again = await codeOf(pay(shop.url, { payment }))
    const other = await codeOf(pay(`${shop.url}?city=lima`, { payment }))

    expect(paymentOf(first)?.requestId).toBe('order-1')
    expect([again, other]).toEqual(['proof_refused', 'payment_conflict'])
    expect(await world.balanceOf(agent)).toBe('9000')
  })

  it('is worked at by one call at a time', async ({ expect }) => {
    const { agent, pay } = await openAgent(world, {}, { funds: '10000' })
    const payment = { requestId: 'order-2' }

    const codes = await Promise.all([
      codeOf(pay(shop.url, { payment })),
      codeOf(pay(shop.url, { payment })),
    ])

    expect(codes.sort()).toEqual(['call_under_way', 'delivered'])
    expect(await world.balanceOf(agent)).toBe('9000')
  })
})

describe('what the options allow', () => {
  it.for([
    { name: 'a call above the default maximum', price: '100001', code: 'amount_above_maximum' },
    { name: 'a call at the default maximum', price: '100000', code: 'delivered' },
    { name: 'any price', price: '1', options: { maxAmount: 0 }, code: 'amount_above_maximum' },
    { name: 'what is not approved', options: { approve: () => false }, code: 'not_approved' },
    {
      name: 'beyond the budget',
      options: { budget: { total: '0.0009' } },
      code: 'budget_exceeded',
    },
    {
      name: 'beyond the budget of an origin',
      options: { budget: { perOrigin: '0.0009' } },
      code: 'budget_exceeded',
    },
  ])('decides on $name: $code', async ({ price = '1000', options = {}, code }, { expect }) => {
    const dear = await openShop(world, { price })
    const { agent, pay } = await openAgent(world, options, { funds: '1000000' })

    expect(await codeOf(pay(dear.url))).toBe(code)
    const lost = code === 'delivered' ? BigInt(price) : 0n
    expect(await world.balanceOf(agent)).toBe((1_000_000n - lost).toString())
    await dear.stop()
  })

  it('bounds all calls together by the budget', async ({ expect }) => {
    const { agent, pay } = await openAgent(
      world,
      { budget: { total: '0.003' } },
      { funds: '10000' },
    )

    const codes = await Promise.all(Array.from({ length: 10 }, () => codeOf(pay(shop.url))))

    expect(codes.filter((code) => code === 'delivered')).toHaveLength(3)
    expect(await world.balanceOf(agent)).toBe('7000')
  })

  it('gives back to the budget what the edge surely refused', async ({ expect }) => {
    const { agent, pay } = await openAgent(world, { budget: { total: 0.001 } }, { funds: '0' })

    const declined = await codeOf(pay(shop.url))
    await world.fund(agent, '1000')

    expect([declined, await codeOf(pay(shop.url))]).toEqual(['funds_insufficient', 'delivered'])
  })

  it('returns the 402 and pays nothing in a dry run', async ({ expect }) => {
    const events: PaymentEvent[] = []
    const { agent, pay } = await openAgent(
      world,
      { dryRun: true, onEvent: (event) => events.push(event) },
      { funds: '10000' },
    )

    const response = await pay(shop.url)

    expect([response.status, (await response.json()).code]).toEqual([402, 'payment_required'])
    expect(events.at(-1)).toMatchObject({ type: 'dry_run', offer: { amount: '0.001' } })
    expect(await world.balanceOf(agent)).toBe('10000')
  })

  it('tells which rule of the owner refused', async ({ expect }) => {
    const { pay } = await openAgent(world, {}, { paymentMax: '999' })

    await expect(pay(shop.url)).rejects.toMatchObject({
      code: 'policy_refused',
      retry: 'never',
      reason: 'payment_max',
    })
  })
})

describe('options of withPayments', () => {
  it.for([
    [{ maxAmount: Number.NaN }, /"maxAmount" must be currency units, such as "0.10", 5 or 0/],
    [{ maxAmount: -1 }, /"maxAmount"/],
    [{ maxAmount: '1e2' }, /"maxAmount"/],
    [{ maxAmount: 0.0000001 }, /"maxAmount"/],
    [{ budget: { total: 'ten' } }, /"budget.total"/],
    [{ apiKey: 'sk_test_x' }, /"apiKey" must be an agent key, "pk_test_…" or "pk_live_…"/],
    [{ edge: 'https://edge.example/v1' }, /"edge" must be an https origin/],
    [{ edge: 'http://edge.example' }, /"edge"/],
    [{ walletId: 'mine' }, /"walletId" must be a UUID/],
    [{ currency: 'USD' }, /"currency" must be "USDC" or "EURC"/],
    [{ signer: { kty: 'RSA' } }, /"signer" must be a private JWK/],
    [{ maxPriceRise: -1 }, /"maxPriceRise"/],
    [{ maxAmout: '1' }, /"maxAmout" must be one of edge,/],
  ] as const)('are refused at once: %j', async ([wrong, message], { expect }) => {
    const options = { ...clientOptions(world, await world.agent()), ...wrong } as never

    expect(() => withPayments(fetch, options)).toThrow(message)
  })
})
