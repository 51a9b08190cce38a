import { createServer, type RequestListener } from 'node:http'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { payosClient } from '../../sdk/x402/index.ts'
import { clientOptions } from '../sdk/support/market.ts'
import { close, listen } from '../sdk/support/serve.ts'
import { type Agent, openWorld, type World } from '../support/world.ts'
import { openClient, openPackages, type Packages } from './support/packages.ts'
import { providerOptions } from './support/shop.ts'

/** A facilitator of the chain's, as far as a server asks it before a payment. */
const onChain = {
  getSupported: async () => ({
    kinds: [{ x402Version: 2, scheme: 'exact', network: 'eip155:84532' }],
    extensions: [],
    signers: {},
  }),
  verify: () => Promise.reject(new Error('nothing is paid on the chain here')),
  settle: () => Promise.reject(new Error('nothing is paid on the chain here')),
}

let packages: Packages
let world: World
let agent: Agent
let url: string
let handle: RequestListener = (_, response) => response.writeHead(500).end()
const server = createServer((request, response) => handle(request, response))

beforeAll(async () => {
  packages = await openPackages()
  world = await openWorld()
  agent = await world.agent()
  url = `${await listen(server)}/weather`
  const endpoint = await world.endpoint({ url })
  const { createTwoRails } = await packages.example<{
    createTwoRails(options: object): RequestListener
  }>('two-rails.ts')
  const payTo = `0x${'1'.repeat(40)}`
  handle = createTwoRails({ ...providerOptions(world, endpoint), onChain, payTo })
}, 600_000)
afterAll(async () => {
  await close(server)
  await world?.close()
})

describe('a provider that takes PayOS beside a chain', () => {
  it('lists both in its 402, neither of them less preferred', async ({ expect }) => {
    const { headers } = await fetch(url)
    const { accepts } = JSON.parse(atob(headers.get('payment-required') ?? ''))

    expect(accepts).toMatchObject([
      { scheme: 'payos-ticket', network: 'payos:test', asset: 'USDC', amount: '1000' },
      { scheme: 'exact', network: 'eip155:84532', amount: '1000' },
    ])
    expect(accepts.map((it: { extra: object }) => 'paymentFlow' in it.extra)).toEqual([
      false,
      false,
    ])
  })

  it('is paid with PayOS by who has that', async ({ expect }) => {
    const pay = await openClient(packages, 'fetch 2.27', payosClient(clientOptions(world, agent)))

    expect((await pay(url)).status).toBe(200)
    expect(await world.paymentsOf(agent)).toHaveLength(1)
  })
})
