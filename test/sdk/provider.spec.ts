import { afterAll, afterEach, beforeAll, describe, it } from 'vitest'
import { edgeClaims, paywall } from '../../sdk/provider/index.ts'
import { openWorld, type World } from '../support/world.ts'
import { openAgent, openShop, paywallOptions, type Shop } from './support/market.ts'

let world: World
let shop: Shop

beforeAll(async () => {
  world = await openWorld()
  shop = await openShop(world, { options: { description: 'weather' } })
})
afterEach(async ({ expect }) => {
  expect(await world.imbalances()).toEqual([])
})
afterAll(async () => {
  await shop?.stop()
  await world?.close()
})

/** A proof for the shop's URL, bought without the client. */
async function proofFor(url = shop.url, endpoint = shop.endpoint): Promise<string> {
  const paid = await world.pay(await world.agent(), endpoint, { body: { resource: url } })
  return paid.body.proof
}

const shown = (proof: string) => ({ 'X-Payment-JWT': proof })

describe('a request without a proof', () => {
  it('is answered what to pay, for machines in the header and for all in the body', async ({
    expect,
  }) => {
    const response = await fetch(`${shop.url}?city=lima`)
    const body = await response.json()

    expect(response.status).toBe(402)
    expect(response.headers.get('cache-control')).toBe('no-store')
    const header = JSON.parse(atob(response.headers.get('payment-required') ?? ''))
    expect(header).toEqual({
      x402Version: 2,
      error: 'payment_required',
      resource: { url: `${shop.url}?city=lima`, description: 'weather' },
      accepts: [
        {
          scheme: 'payos-ticket',
          network: 'payos:test',
          amount: '1000',
          asset: 'USDC',
          payTo: shop.endpoint.provider.id,
          maxTimeoutSeconds: 120,
          extra: { issuer: world.payos.issuer, endpointId: shop.endpoint.id, pv: 1 },
        },
      ],
    })
    expect(body).toMatchObject({ code: 'payment_required', accepts: header.accepts })
    expect(body.hint).toContain('PAYMENT-SIGNATURE')
    expect((response.headers.get('payment-required') ?? '').length).toBeLessThan(2048)
  })

  it('is answered 405 by another method', async ({ expect }) => {
    const response = await fetch(shop.url, { method: 'HEAD' })

    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET'])
  })
})

describe('a request with a proof', () => {
  it('is served once, and told which payment that was', async ({ expect }) => {
    const proof = await proofFor()

    const first = await fetch(shop.url, { headers: shown(proof) })
    const second = await fetch(shop.url, { headers: shown(proof) })

    const receipt = JSON.parse(atob(first.headers.get('payment-response') ?? ''))
    expect(await first.text()).toBe('sunny')
    expect(receipt).toMatchObject({ success: true, network: 'payos:test', amount: '1000' })
    expect(receipt.transaction).toBe(shop.served.at(-1))
    expect([second.status, (await second.json()).code]).toEqual([402, 'proof_already_used'])
    for (const response of [first, second]) {
      expect(response.headers.get('cache-control')).toBe('no-store')
    }
  })

  it('is served once when it comes 50 times at once', async ({ expect }) => {
    const proof = await proofFor()
    const before = shop.served.length

    const answers = await Promise.all(
      Array.from({ length: 50 }, () => fetch(shop.url, { headers: shown(proof) })),
    )

    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(answers.filter(({ status }) => status === 402)).toHaveLength(49)
    expect(shop.served).toHaveLength(before + 1)
  })

  it('may carry a proof of the URL without its query, or of none', async ({ expect }) => {
    const paid = await world.pay(await world.agent(), shop.endpoint)

    const response = await fetch(`${shop.url}?city=lima`, { headers: shown(paid.body.proof) })

    expect(response.status).toBe(200)
  })

  it('is not served by a proof of something else', async ({ expect }) => {
    const { provider } = shop.endpoint
    const [sibling, stranger, post] = [
      await world.endpoint({ provider, url: shop.url }),
      await world.endpoint({ url: shop.url }),
      await world.endpoint({ provider, url: shop.url, method: 'POST' }),
    ]
    const proofs = {
      proof_wrong_endpoint: await proofFor(shop.url, sibling),
      proof_wrong_audience: await proofFor(shop.url, stranger),
      proof_wrong_resource: await proofFor(`${shop.url}?city=oslo`),
      'proof_wrong_endpoint of POST': await proofFor(shop.url, post),
    }

    const codes = Object.values(proofs).map(async (proof) => {
      const response = await fetch(`${shop.url}?city=lima`, { headers: shown(proof) })
      return (await response.json()).code
    })

    expect(await Promise.all(codes)).toEqual(Object.keys(proofs).map((name) => name.split(' ')[0]))
  })

  it('is not served by two proofs, in any two places', async ({ expect }) => {
    const [one, two] = [await proofFor(), await proofFor()]
    const payload = await signatureOf(one)
    const pairs: [string, string][][] = [
      [
        ['PAYMENT-SIGNATURE', payload],
        ['X-Payment-JWT', two],
      ],
      [
        ['X-Payment-JWT', one],
        ['X-Payment-JWT', two],
      ],
      [
        ['PAYMENT-SIGNATURE', payload],
        ['PAYMENT-SIGNATURE', payload],
      ],
      [['X-Payment-JWT', `${one}, ${two}`]],
    ]

    const answers = pairs.map(async (headers) => {
      const response = await fetch(shop.url, { headers })
      return [response.status, (await response.json()).code]
    })

    expect(await Promise.all(answers)).toEqual(pairs.map(() => [400, 'ambiguous_proof']))
  })
})

async function signatureOf(proof: string): Promise<string> {
  const { body } = await world.get(`/v1/x402/endpoints/${shop.endpoint.id}`)
  const payload = { x402Version: 2, accepted: body.requirement, payload: { proof, requestId: 'a' } }
  return btoa(JSON.stringify(payload))
}

describe('a handler', () => {
  it.for([
    ['answers 500', () => new Response('', { status: 500 }), 500],
    ['answers 404', () => new Response('', { status: 404 }), 404],
    ['throws', () => Promise.reject(new Error('broken')), 500],
  ] as const)('that $0 has used nothing up', async ([, fail, status], { expect }) => {
    let isBroken = true
    const weak = await openShop(world, {
      answer: () => (isBroken ? fail() : new Response('late')),
    })
    const proof = await proofFor(weak.url, weak.endpoint)

    const failed = await fetch(weak.url, { headers: shown(proof) })
    isBroken = false
    const served = await fetch(weak.url, { headers: shown(proof) })

    expect([failed.status, served.status]).toEqual([status, 200])
    await weak.stop()
  })

  it('streams: its first bytes arrive before its last are written', async ({ expect }) => {
    let finish = () => {}
    const slow = await openShop(world, {
      answer: () => {
        const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>()
        const writer = writable.getWriter()
        void writer.write(new TextEncoder().encode('first'))
        finish = () => void writer.close()
        return new Response(readable)
      },
    })
    const { pay } = await openAgent(world)

    const reader = (await pay(slow.url)).body?.getReader()
    const first = await reader?.read()
    finish()

    expect(new TextDecoder().decode(first?.value)).toBe('first')
    expect((await reader?.read())?.done).toBe(true)
    await slow.stop()
  })

  it('cannot let a cache keep what was paid for', async ({ expect }) => {
    const careless = await openShop(world, {
      answer: () => new Response('', { headers: { 'Cache-Control': 'public, max-age=3600' } }),
    })
    const { pay } = await openAgent(world)

    expect((await pay(careless.url)).headers.get('cache-control')).toBe('no-store')
    await careless.stop()
  })
})

describe('first uses claimed at the edge', () => {
  it('are one for all processes, and given back when nothing was delivered', async ({ expect }) => {
    let isBroken = true
    const { apiKey } = shop.endpoint.provider
    const claims = edgeClaims({ edge: world.payos.edges.edges[0]?.url ?? '', apiKey })
    const walls = [1, 2].map(() => paywall(paywallOptions(world, shop.endpoint, { claims })))
    const handlers = walls.map((wall) =>
      wall.wrap(() => new Response('', { status: isBroken ? 500 : 200 })),
    )
    const request = new Request(shop.url, { headers: shown(await proofFor()) })

    const failed = await handlers[0]?.(request)
    isBroken = false
    const answers = await Promise.all(handlers.map((handle) => handle(request)))

    expect(failed?.status).toBe(500)
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 402])
  })
})
