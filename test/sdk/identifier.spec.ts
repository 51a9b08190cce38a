import { afterAll, afterEach, beforeAll, describe, it } from 'vitest'
import { paywall } from '../../sdk/provider/index.ts'
import { testPayos } from '../../sdk/testing/index.ts'
import { payosClient } from '../../sdk/x402/index.ts'
import { openWorld, type World } from '../support/world.ts'
import { clientOptions, openAgent, openShop, requirementOf, type Shop } from './support/market.ts'

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

const declared = (info: object) => ({ 'payment-identifier': { info, schema: {} } })

/** Pays the shop by the scheme for official clients, under what its user named the payment. */
async function openScheme() {
  const agent = await world.agent()
  const payos = payosClient(clientOptions(world, agent))
  const requirement = await requirementOf(world, shop.endpoint)
  const pay = async (extensions: Record<string, unknown> = {}, url = shop.url) => {
    // The official client hands over a new object for each 402.
    const entry = { ...requirement }
    const paymentRequired = { resource: { url }, extensions }
    await payos.schemeHooks.onBeforePaymentCreation({
      paymentRequired,
      selectedRequirements: entry,
    })
    return payos.createPaymentPayload(2, entry, { extensions })
  }
  return { agent, pay }
}

const digestOf = async (text: string) => {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))
  return Buffer.from(digest).toString('base64url')
}

describe('the scheme for official clients', () => {
  it.for([
    ['itself', 'invoice_2026-0001'],
    ['its hash when it is too long', 'n'.repeat(100)],
  ] as const)('pays under the identifier: %s', async ([, id], { expect }) => {
    const { agent, pay } = await openScheme()

    const { payload, extensions } = await pay(declared({ required: false, id }))

    const requestId = id.length > 64 ? await digestOf(id) : id
    expect(payload['requestId']).toBe(requestId)
    expect(extensions).toEqual(declared({ required: false, id }))
    const [payment] = await world.paymentsOf(agent)
    expect(payment?.request_id).toBe(requestId)
  })

  it('pays once for an identifier, also by the next client', async ({ expect }) => {
    const { agent, pay } = await openScheme()
    const named = declared({ required: true, id: 'invoice_2026-0002' })
    const next = payosClient(clientOptions(world, agent))

    await pay(named)
    await pay(named)
    const entry = await requirementOf(world, shop.endpoint)
    await next.createPaymentPayload(2, entry, { extensions: named }).catch(() => undefined)
    const other = pay(named, `${shop.url}?city=oslo`)

    await expect(other).rejects.toMatchObject({ code: 'payment_conflict' })
    expect(await world.paymentsOf(agent)).toHaveLength(1)
  })

  it('names the payment itself when nobody did', async ({ expect }) => {
    const { pay } = await openScheme()

    const { payload, extensions } = await pay(declared({ required: true }))

    const { requestId } = payload
    expect(extensions).toEqual(declared({ required: true, id: requestId }))
  })

  it('echoes nothing where nothing was declared', async ({ expect }) => {
    const { pay } = await openScheme()
    expect((await pay({ bazaar: { info: {} } })).extensions).toEqual({ bazaar: { info: {} } })
  })

  it('pays nothing under a name of another form', async ({ expect }) => {
    const { agent, pay } = await openScheme()

    await expect(pay(declared({ id: 'short' }))).rejects.toMatchObject({
      code: 'requirement_unreadable',
    })
    expect(await world.paymentsOf(agent)).toEqual([])
  })
})

describe('a paywall', () => {
  const url = 'https://api.example/weather'

  it.for([
    ['is that of the payment', { required: true, id: 'sixteen_or_more_' }, 200],
    ['is absent and needless', { required: false }, 200],
    ['is required and absent', { required: true }, 402],
    ['is that of another payment', { id: 'another_payment_1' }, 402],
    ['has another form', { id: 'short' }, 402],
  ] as const)('answers by whether the identifier $0', async ([, info, status], { expect }) => {
    const payos = await testPayos()
    const handle = paywall(payos.provider).wrap(() => new Response('sunny'))
    const proof = await payos.proof({ rid: 'sixteen_or_more_' })
    const sent = { ...JSON.parse(atob(payos.signature(proof))), extensions: declared(info) }
    const headers = { 'PAYMENT-SIGNATURE': btoa(JSON.stringify(sent)) }

    const response = await handle(new Request(url, { headers }))

    expect(response.status).toBe(status)
    if (status === 402) expect((await response.json()).code).toBe('proof_malformed')
  })

  it('is told by our fetch which payment it is, when it asks for that', async ({ expect }) => {
    const { pay } = await openAgent(world)
    const seen: unknown[] = []
    const asking = await openShop(world)
    const { wall } = asking
    const handle = wall.wrap(() => new Response('sunny'))
    asking.handle = async (request) => {
      const header = request.headers.get('payment-signature')
      if (header) seen.push(JSON.parse(atob(header)))
      const response = await handle(request)
      if (response.status !== 402) return response
      const required = JSON.parse(atob(response.headers.get('payment-required') ?? ''))
      const extended = { ...required, extensions: declared({ required: true }) }
      return new Response('', {
        status: 402,
        headers: { 'PAYMENT-REQUIRED': btoa(JSON.stringify(extended)) },
      })
    }

    expect((await pay(asking.url)).status).toBe(200)
    const [{ payload, extensions }] = seen as [Record<string, Record<string, unknown>>]
    const id = payload?.['requestId']
    expect(extensions).toEqual(declared({ required: true, id }))
    await asking.stop()
  })
})
