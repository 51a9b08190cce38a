import { afterAll, beforeAll, describe, it } from 'vitest'
import { withPayments } from '../../sdk/client/index.ts'
import { payosClient } from '../../sdk/x402/index.ts'
import { clientOptions } from '../sdk/support/market.ts'
import { openWorld, type World } from '../support/world.ts'
import {
  type OfficialClient,
  openFacilitator,
  openPackages,
  type Packages,
  type Paying,
} from './support/packages.ts'
import { type OfficialShop, openHandler } from './support/shop.ts'

/** The official helpers of the extension. */
type Helpers = {
  declarePaymentIdentifierExtension(required: boolean): object
  appendPaymentIdentifierToExtensions(extensions: object, id: string): void
}

let packages: Packages
let helpers: Helpers
let world: World
let shop: OfficialShop

beforeAll(async () => {
  packages = await openPackages()
  helpers = await packages.load('@x402/extensions/payment-identifier')
  world = await openWorld()
  const declared = helpers.declarePaymentIdentifierExtension(true)
  shop = await openHandler({ world, packages }, () => new Response('sunny'), {
    // Their own facilitator client: the edge reads the extension, too.
    facilitatorOf: ({ apiKey: key }) =>
      openFacilitator(packages, `${world.payos.edges.edges[0]?.url}/v1/x402`, { key }),
    extensions: { 'payment-identifier': declared },
  })
}, 600_000)
afterAll(async () => {
  await shop?.stop()
  await world?.close()
})

type Context = { paymentRequired: { extensions: object } }

/** The official client; its user names each payment by what `nameIt` answers. */
async function openBuyer(nameIt?: () => string) {
  const agent = await world.agent()
  const payos = payosClient(clientOptions(world, agent))
  const module = await packages.load<{
    x402Client: new () => OfficialClient
    wrapFetchWithPayment(base: unknown, client: OfficialClient): Paying
  }>('@x402/fetch')
  const client = new module.x402Client().register('payos:*', payos)
  if (nameIt) {
    client.onBeforePaymentCreation(async ({ paymentRequired: { extensions } }: Context) =>
      helpers.appendPaymentIdentifierToExtensions(extensions, nameIt()),
    )
  }
  return { agent, pay: module.wrapFetchWithPayment(payos.guard(fetch), client) }
}

describe('an official server that requires payment-identifier', () => {
  it('is paid under the name the agent gave by the official helper', async ({ expect }) => {
    const { agent, pay } = await openBuyer(() => 'invoice_2026-0003')

    expect((await pay(shop.url)).status).toBe(200)

    const [payment] = await world.paymentsOf(agent)
    expect(payment?.request_id).toBe('invoice_2026-0003')
  })

  it('is paid once for one name', async ({ expect }) => {
    const { agent, pay } = await openBuyer(() => 'invoice_2026-0004')

    expect((await pay(shop.url)).status).toBe(200)

    // The edge answers its proof again or, once it knows of the redemption, that there is none.
    const again = await pay(shop.url).catch((error: Error) => error.message)
    expect(again instanceof Response ? again.status : again).toBeOneOf([
      402,
      expect.stringContaining('can be redeemed no more'),
    ])
    expect(await world.paymentsOf(agent)).toHaveLength(1)
  })

  it('is paid by agents that name nothing', async ({ expect }) => {
    const { agent, pay } = await openBuyer()
    const ours = withPayments(fetch, clientOptions(world, agent))

    expect([(await pay(shop.url)).status, (await ours(shop.url)).status]).toEqual([200, 200])
  })
})
