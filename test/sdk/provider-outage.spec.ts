import { afterAll, afterEach, beforeAll, describe, it } from 'vitest'
import { memoryClaims, paywall } from '../../sdk/provider/index.ts'
import { testPayos } from '../../sdk/testing/index.ts'
import { openWorld, type World } from '../support/world.ts'
import { mishaps } from './support/links.ts'
import { openShop, paywallOptions, type Shop } from './support/market.ts'

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

const shown = (proof: string) => ({ 'X-Payment-JWT': proof })

describe('without the edge', () => {
  const away: typeof fetch = () => Promise.reject(new TypeError('fetch failed'))

  it('verifies on what it knew, for a day', async ({ expect }) => {
    let isAway = false
    const link: typeof fetch = (input, init) => (isAway ? away : fetch)(input, init)
    const wall = paywall(paywallOptions(world, shop.endpoint, { fetch: link }))
    const handle = wall.wrap(() => new Response('sunny'))
    const agent = await world.agent()
    const bought = async () => {
      const paid = await world.pay(agent, shop.endpoint, { body: { resource: shop.url } })
      return new Request(shop.url, { headers: shown(paid.body.proof) })
    }
    await handle(await bought())
    isAway = true

    const soon = await handle(await bought())
    await world.advance(23 * 3_600_000)
    const late = await handle(await bought())
    await world.advance(2 * 3_600_000)
    const tooLate = await handle(await bought())

    expect([soon.status, late.status, tooLate.status]).toEqual([200, 200, 503])
    expect(tooLate.headers.get('retry-after')).toBe('2')
  })

  it('answers 503 and serves nothing when it starts', async ({ expect }) => {
    const wall = paywall(paywallOptions(world, shop.endpoint, { fetch: away }))
    const handle = wall.wrap(() => new Response('sunny'))

    expect((await handle(new Request(shop.url))).status).toBe(503)
    const paid = await world.pay(await world.agent(), shop.endpoint)
    const headers = shown(paid.body.proof)
    expect((await handle(new Request(shop.url, { headers }))).status).toBe(503)
  })

  it('starts with the answers it is given', async ({ expect }) => {
    const payos = await testPayos()
    const initial = { jwks: payos.jwks(), quote: payos.quote() }
    const wall = paywall({ ...payos.provider, fetch: away, initial })
    const handle = wall.wrap(() => new Response('sunny'))
    const headers = shown(await payos.proof())

    expect((await handle(new Request('https://api.example/weather', { headers }))).status).toBe(200)
  })

  it.for(['lost_request', 'lost_answer', 'garbled_answer'] as const)(
    'serves the first use whose claim met with one mishap: %s',
    async (mishap, { expect, onTestFinished }) => {
      const provider = await world.provider()
      const link = mishaps('/verify', [mishap])
      const options = { apiKey: provider.apiKey, fetch: link }
      const weak = await openShop(world, { provider, options })
      onTestFinished(() => weak.stop())
      const { body } = await world.pay(await world.agent(), weak.endpoint)
      const headers = shown(body.proof)

      const answers = [await fetch(weak.url, { headers }), await fetch(weak.url, { headers })]

      expect(answers.map(({ status }) => status)).toEqual([200, 402])
    },
  )

  it('serves nothing when a first use cannot be claimed', async ({ expect }) => {
    const payos = await testPayos()
    const broken = {
      ...memoryClaims(),
      claim: () => Promise.reject(new Error('no store')),
    }
    const handle = paywall({ ...payos.provider, claims: broken }).wrap(() => new Response('sunny'))
    const headers = shown(await payos.proof())

    expect((await handle(new Request('https://api.example/weather', { headers }))).status).toBe(503)
  })

  it('fetches its keys once for 100 requests at once, and once for 100 unknown keys', async ({
    expect,
  }) => {
    const payos = await testPayos()
    let fetched = 0
    const counted: typeof fetch = (input, init) => {
      if (String(input).endsWith('jwks.json')) fetched += 1
      return payos.fetch(input, init)
    }
    const handle = paywall({ ...payos.provider, fetch: counted }).wrap(() => new Response('sunny'))
    const forged = await payos.proof({}, { kid: 'A'.repeat(43) })
    const all = (proofs: string[]) =>
      Promise.all(
        proofs.map(async (proof) => {
          const request = new Request('https://api.example/weather', { headers: shown(proof) })
          return (await handle(request)).status
        }),
      )

    const good = await all(await Promise.all(Array.from({ length: 100 }, () => payos.proof())))
    const bad = await all(Array<string>(100).fill(forged))

    expect([new Set(good), new Set(bad)]).toEqual([new Set([200]), new Set([402])])
    expect(fetched).toBeLessThanOrEqual(2)
  })
})

describe('a changed price', () => {
  it('is quoted from its moment on, and the former counts for three minutes', async ({
    expect,
  }) => {
    const moving = await openShop(world)
    const agent = await world.agent()
    const bought = async (requestId: string): Promise<string> => {
      const options = { requestId, body: { resource: moving.url } }
      return (await world.pay(agent, moving.endpoint, options)).body.proof
    }
    const from = new Date(world.payos.clock.now() + 200_000).toISOString()
    await world.operate('announce_x402_price', [moving.endpoint.id, '1500', from])
    await world.advance(150_000)
    const [early] = [await bought('early'), await bought('late')]
    await fetch(moving.url)

    await world.advance(60_000)
    const quoted = await fetch(moving.url)
    const inGrace = await fetch(moving.url, { headers: shown(early) })
    await world.advance(190_000)
    const after = await fetch(moving.url, { headers: shown(await bought('late')) })

    expect((await quoted.json()).accepts[0]).toMatchObject({ amount: '1500', extra: { pv: 2 } })
    expect(inGrace.status).toBe(200)
    expect([after.status, (await after.json()).code]).toEqual([402, 'proof_amount_low'])
    await moving.stop()
  })
})

describe('options of paywall', () => {
  const shopOptions = {
    edge: 'https://edge.example',
    providerId: '40000000-0000-4000-8000-00000000000a',
    endpointId: '50000000-0000-4000-8000-00000000000a',
  }

  it.for([
    [{}, /"claims" must be shared by all processes in live mode/],
    [{ claims: memoryClaims() }, /"claims"/],
    [{ environment: 'test', edge: 'http://edge.example' }, /"edge" must be an https origin/],
    [{ environment: 'test', providerId: 'me' }, /"providerId" must be a UUID/],
    [{ environment: 'test', endpointId: 'x' }, /"endpointId"/],
    [{ environment: 'test', basePath: 'v2' }, /"basePath" must be a path such as "\/v2"/],
    [{ apiKey: 'pk_test_x' }, /"apiKey" must be a provider key/],
  ] as const)('are refused at once: %j', ([wrong, message], { expect }) => {
    expect(() => paywall({ ...shopOptions, ...(wrong as object) })).toThrow(message)
  })

  it('hold in live mode once claims are shared', ({ expect }) => {
    expect(() =>
      paywall({ ...shopOptions, claims: { ...memoryClaims(), shared: true } }),
    ).not.toThrow()
  })
})
