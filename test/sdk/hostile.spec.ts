import { afterAll, afterEach, beforeAll, describe, it } from 'vitest'
import { withPayments } from '../../sdk/client/index.ts'
import { type HostileMode, hostileModes, hostileProvider } from '../../sdk/testing/index.ts'
import { type Endpoint, openWorld, type World } from '../support/world.ts'
import { clientOptions, requirementOf } from './support/market.ts'
import { type Served, serve } from './support/serve.ts'

let world: World
let elsewhere: Served

beforeAll(async () => {
  world = await openWorld()
  elsewhere = await serve(() => new Response('thanks for the proof'))
})
afterEach(async ({ expect }) => {
  expect(await world.imbalances()).toEqual([])
})
afterAll(async () => {
  await elsewhere?.stop()
  await world?.close()
})

/** What each mode comes to: the error of the call, and how many payments there are after three. */
const outcomes: Record<HostileMode, { code: string; payments: number }> = {
  endless_402: { code: 'proof_refused', payments: 1 },
  error_after_proof: { code: 'paid_not_delivered', payments: 1 },
  redirect_to_other_origin: { code: 'redirect_with_proof', payments: 1 },
  price_ramp: { code: 'requirement_mismatch', payments: 0 },
  foreign_endpoint: { code: 'endpoint_not_owner', payments: 0 },
  slow_body: { code: 'delivered', payments: 3 },
  swapped_asset: { code: 'no_payable_requirement', payments: 0 },
  unit_confusion: { code: 'requirement_mismatch', payments: 0 },
  forged_receipt: { code: 'delivered', payments: 3 },
}

/** A dishonest provider with a registered endpoint, and what it makes of an agent. */
async function meet(mode: HostileMode, victim: Endpoint) {
  const provider = await serve(() => new Response('', { status: 500 }))
  const url = `${provider.origin}/weather`
  const endpoint = await world.endpoint({ url, price: '1000' })
  const honest = await requirementOf(world, endpoint)
  provider.handle = hostileProvider(mode, honest, {
    elsewhere: elsewhere.origin,
    foreignEndpointId: victim.id,
  })
  const agent = await world.agent({ funds: '1000000' })
  const pay = withPayments(fetch, clientOptions(world, agent, { budget: { total: '0.003' } }))
  const call = () =>
    pay(url).then(
      () => 'delivered',
      ({ code }) => code,
    )
  return { agent, call, provider }
}

describe('an agent and a provider that is', () => {
  it.for(hostileModes.map((mode) => ({ mode, ...outcomes[mode] })))(
    '$mode: $code, and $payments payments for three calls',
    async ({ mode, code, payments }, { expect }) => {
      const victim = await world.endpoint({ url: 'https://victim.example/weather' })
      const { agent, call, provider } = await meet(mode, victim)

      const codes = [await call(), await call(), await call()]

      expect(codes).toEqual([code, code, code])
      const made = await world.paymentsOf(agent)
      expect(made).toHaveLength(payments)
      expect(new Set(made.map(({ amount }) => amount)).size).toBeLessThanOrEqual(1)
      expect(elsewhere.requests).toHaveLength(0)
      await provider.stop()
    },
  )

  it('any of these: never beyond the budget', async ({ expect }) => {
    const victim = await world.endpoint({ url: 'https://victim.example/weather' })
    const { agent, call, provider } = await meet('forged_receipt', victim)

    const codes = await Promise.all(Array.from({ length: 20 }, call))

    expect(codes.filter((code) => code === 'delivered')).toHaveLength(3)
    expect(await world.balanceOf(agent)).toBe('997000')
    await provider.stop()
  })
})

describe('an unreadable 402', () => {
  it.for([
    ['no header', {}],
    ['no base64', { 'PAYMENT-REQUIRED': '%%%' }],
    ['no JSON', { 'PAYMENT-REQUIRED': btoa('<html>') }],
    ['x402 version 1', { 'PAYMENT-REQUIRED': btoa('{"x402Version":1,"accepts":[]}') }],
    ['null', { 'PAYMENT-REQUIRED': btoa('null') }],
  ] as [string, Record<string, string>][])(
    'with %s is paid nothing',
    async ([, headers], { expect }) => {
      const provider = await serve(() => new Response('', { status: 402, headers }))
      const agent = await world.agent({ funds: '1000' })
      const pay = withPayments(fetch, clientOptions(world, agent))

      await expect(pay(provider.origin)).rejects.toMatchObject({ code: 'requirement_unreadable' })
      expect(await world.balanceOf(agent)).toBe('1000')
      await provider.stop()
    },
  )

  it('reached by a redirect is paid nothing', async ({ expect }) => {
    const provider = await serve((request) =>
      request.url.endsWith('/here')
        ? new Response('', { status: 402 })
        : Response.redirect(`${provider.origin}/here`, 302),
    )
    const pay = withPayments(fetch, clientOptions(world, await world.agent()))

    await expect(pay(provider.origin)).rejects.toMatchObject({ code: 'redirected', retry: 'fix' })
    await provider.stop()
  })
})
