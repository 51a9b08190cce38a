import { afterAll, beforeAll, beforeEach, describe, it } from 'vitest'
import { type Agent, decimal, type Endpoint, openWorld, type World } from './support/world.ts'

let world: World
let agent: Agent
let endpoint: Endpoint

beforeAll(async () => {
  world = await openWorld()
})
beforeEach(async () => {
  agent = await world.agent()
  endpoint = await world.endpoint({ price: '1000' })
})
afterAll(() => world.close())

/** Announces a price that begins in `seconds`. */
async function announce(price: string, seconds: number): Promise<void> {
  const begins = new Date(world.payos.clock.now() + seconds * 1000).toISOString()
  await world.operate('announce_x402_price', [endpoint.id, price, begins])
}

const payAt = (price: string) => world.pay(agent, endpoint, { body: { amount: decimal(price) } })

const verify = (proof: string, amount?: string) =>
  world.verify(
    { proof, endpointId: endpoint.id, ...(amount && { amount: decimal(amount) }) },
    { key: endpoint.provider.apiKey },
  )

describe('an amount', () => {
  it.for([
    ['one unit below the price', '999'],
    ['one unit above the price', '1001'],
    ['nothing', '0'],
  ] as const)('of %s is refused with the quote', async ([, amount], { expect }) => {
    const answer = await payAt(amount)

    expect([answer.status, answer.body.code]).toEqual([409, 'price_changed'])
    expect([answer.body.retry, answer.body.param]).toEqual(['new_quote', 'amount'])
    expect(answer.body.quote).toEqual({
      endpointId: endpoint.id,
      price: '0.001',
      currency: 'USDC',
      method: 'GET',
      resource: endpoint.url,
      priceVersion: 1,
    })
    expect(await world.paymentsOf(agent)).toEqual([])
  })

  it('is not taken for an endpoint that is free', async ({ expect }) => {
    const free = await world.endpoint({ price: '0' })
    for (const amount of ['0', '0.001']) {
      const answer = await world.pay(agent, free, { body: { amount } })
      expect([answer.status, answer.body.code]).toEqual([409, 'nothing_to_pay'])
    }
  })

  it('of another currency is refused, from a wallet of either', async ({ expect }) => {
    const euros = await world.endpoint({ currency: 'EURC' })
    const inEuros = await world.pay(agent, endpoint, { body: { currency: 'EURC' } })
    const forEuros = await world.pay(agent, euros)

    for (const { status, body } of [inEuros, forEuros]) {
      expect([status, body.code, body.param]).toEqual([422, 'currency_mismatch', 'currency'])
    }
  })
})

describe('an endpoint that ceased to take payments', () => {
  it.for(['endpoint', 'provider'])('by its %s is refused at once', async (which, { expect }) => {
    await payAt('1000')
    await world.get(`/v1/x402/endpoints/${endpoint.id}`)
    const { id, provider, method, url, currency, price } = endpoint
    const paused = [id, provider.id, method, url, currency, price, 'paused']
    if (which === 'endpoint') await world.operate('put_x402_endpoint', paused)
    else await world.operate('put_x402_provider', [provider.id, 'a provider', 'closed'])

    const answer = await payAt('1000')

    expect([answer.status, answer.body.code]).toEqual([409, 'endpoint_inactive'])
  })
})

describe('an announced price', () => {
  it('is quoted beside the present one, and takes over when it begins', async ({ expect }) => {
    await announce('2000', 200)
    const quote = () => world.get(`/v1/x402/endpoints/${endpoint.id}`)
    const before = await quote()
    expect(before.body).toMatchObject({
      price: '0.001',
      priceVersion: 1,
      next: { price: '0.002', priceVersion: 2, validFrom: expect.stringMatching(/Z$/) },
    })

    await world.advance(201_000)

    const after = await quote()
    expect(after.body).toMatchObject({ price: '0.002', priceVersion: 2 })
    expect(after.body).not.toHaveProperty('next')
    expect(after.body.requirement.amount).toBe('2000')
  })

  it('reaches a warm edge within 60 seconds', async ({ expect }) => {
    const path = `/v1/x402/endpoints/${endpoint.id}`
    await world.get(path)
    await announce('2000', 400)
    await world.advance(40_000)
    await world.payos.edges.restart()
    await world.get(path)
    await world.advance(21_000)

    expect((await world.get(path)).body.next?.price).toBe('0.002')
  })

  it('is not taken before it begins', async ({ expect }) => {
    await announce('2000', 200)
    await world.advance(190_000)
    expect((await payAt('2000')).body.code).toBe('price_changed')
  })

  it('leaves the old one valid for 60 seconds, and its version in the proof', async ({
    expect,
  }) => {
    await announce('2000', 200)
    await world.advance(258_000)
    const old = await payAt('1000')
    const current = await payAt('2000')
    await world.advance(4000)
    const late = await payAt('1000')

    const versionOf = ({ body }: typeof old) =>
      JSON.parse(`${Buffer.from(body.proof.split('.')[1], 'base64url')}`).pv
    expect([versionOf(old), versionOf(current)]).toEqual([1, 2])
    expect([late.status, late.body.code]).toEqual([409, 'price_changed'])
    expect(late.body.quote).toMatchObject({ price: '0.002', priceVersion: 2 })
  })
})

describe('a proof of the old price', () => {
  it('is accepted for 180 seconds after the change, then too low', async ({ expect }) => {
    await announce('2000', 200)
    await world.advance(250_000)
    const old = (await payAt('1000')).body
    const renewed = async () =>
      (await world.pay(agent, endpoint, { requestId: old.requestId })).body.proof
    expect((await verify(old.proof)).body.valid).toBe(true)

    await world.advance(125_000)
    expect((await verify(await renewed())).body.valid).toBe(true)
    await world.advance(10_000)
    const late = await renewed()

    expect((await verify(late)).body).toMatchObject({ valid: false, reason: 'proof_amount_low' })
    expect((await verify(late, '1000')).body.valid).toBe(true)
  })

  it('is accepted for good when the price has fallen', async ({ expect }) => {
    await announce('500', 200)
    await world.advance(250_000)
    const old = (await payAt('1000')).body
    await world.advance(300_000)
    const renewed = await world.pay(agent, endpoint, { requestId: old.requestId })

    expect((await verify(renewed.body.proof)).body.valid).toBe(true)
  })

  it('was never accepted under a version it was not made for', async ({ expect }) => {
    const old = (await payAt('1000')).body
    await announce('2000', 181)
    await world.advance(182_000)
    await announce('1000', 181)
    const renewed = await world.pay(agent, endpoint, { requestId: old.requestId })
    expect((await verify(renewed.body.proof)).body.valid).toBe(true)

    await world.advance(180_000)
    const late = await world.pay(agent, endpoint, { requestId: old.requestId })
    expect((await verify(late.body.proof)).body.reason).toBe('proof_amount_low')
    await world.advance(2000)
    expect((await verify(late.body.proof)).body.valid).toBe(true)
  })
})
