import { randomBytes, randomUUID } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Redis } from '@upstash/redis'
import { afterAll, afterEach, beforeAll, describe, it } from 'vitest'
import { edgeClaims, memoryClaims, redisClaims } from '../../sdk/provider/index.ts'
import { payosClient } from '../../sdk/x402/index.ts'
import { makeApiKey } from '../../shared/domain/api-key.ts'
import { clientOptions } from '../sdk/support/market.ts'
import { standardBody } from '../support/standard.ts'
import { type Agent, openWorld, type World } from '../support/world.ts'
import { openClient, openPackages, type Packages, type Paying } from './support/packages.ts'
import { type OfficialShop, openHandler, openOfficialShop } from './support/shop.ts'

let packages: Packages
let world: World
let agent: Agent
let shop: OfficialShop

beforeAll(async () => {
  packages = await openPackages()
  world = await openWorld({ locations: ['lima', 'oslo'] })
  agent = await world.agent()
  shop = await openOfficialShop({ world, packages }, 'express 2.27')
}, 600_000)
afterEach(async ({ expect }) => {
  world.payos.postgrest.faults.clear()
  world.payos.redis.faults.clear()
  expect(await world.imbalances()).toEqual([])
})
afterAll(async () => {
  await shop?.stop()
  await world?.close()
})

/** The official client, and the headers of payment it sent. */
async function openBuyer(payer = agent): Promise<{ pay: Paying; sent: string[] }> {
  const sent: string[] = []
  const payos = payosClient(clientOptions(world, payer))
  const guard: typeof payos.guard = (base) =>
    payos.guard((input, init) => {
      const header = new Request(input, init).headers.get('payment-signature')
      if (header) sent.push(header)
      return base(input, init)
    })
  return { pay: await openClient(packages, 'fetch 2.27', { ...payos, guard }), sent }
}

const show = (header: string, url = shop.url) =>
  fetch(url, { headers: { 'PAYMENT-SIGNATURE': header } })

const errorOf = (response: Response): unknown =>
  JSON.parse(atob(response.headers.get('payment-required') ?? '')).error

const paymentsNamed = async (requestId: string) =>
  (await world.paymentsOf(agent)).filter((it) => it.request_id === requestId)

describe('an agent and a provider on the official packages', () => {
  it('case 3: serve nothing for a proof that was served', async ({ expect }) => {
    const { pay, sent } = await openBuyer()
    await pay(shop.url)

    const again = await show(sent[0] ?? '')

    expect([again.status, errorOf(again)]).toEqual([402, 'proof_already_used'])
  })

  it.for(['edge', 'redis', 'memory'] as const)(
    'case 4: run the handler once for 20 presentations at once, claimed in: %s',
    async (mode, { expect, onTestFinished }) => {
      const provider = await world.provider()
      const edge = world.payos.edges.edges[0]?.url ?? ''
      const claims = {
        edge: () => edgeClaims({ edge, apiKey: provider.apiKey }),
        redis: () => redisClaims(new Redis({ ...redisOf(), retry: { retries: 0 } })),
        memory: () => memoryClaims(),
      }[mode]()
      const here = await openOfficialShop({ world, packages }, 'hono 2.27', { claims, provider })
      onTestFinished(() => here.stop())
      const { body } = await world.pay(agent, here.endpoint)
      const header = await headerOf(here, body.proof)

      const answers = await Promise.all(Array.from({ length: 20 }, () => show(header, here.url)))

      expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
      expect(answers.filter(({ status }) => status === 402)).toHaveLength(19)
    },
  )

  it('case 5: pay once for one request id, asked 20 times at once', async ({ expect }) => {
    const requestId = randomUUID()
    const asked = Array.from({ length: 20 }, (_, at) =>
      world.pay(agent, shop.endpoint, { requestId, edge: at % 2 }),
    )

    const ids = (await Promise.all(asked)).map(({ body }) => body.paymentId)

    expect(new Set(ids).size).toBe(1)
    expect(await paymentsNamed(requestId)).toHaveLength(1)
  })

  it('case 6: are refused another body under a request id', async ({ expect }) => {
    const requestId = randomUUID()
    await world.pay(agent, shop.endpoint, { requestId })
    const resource = `${shop.url}?city=oslo`

    const other = await world.pay(agent, shop.endpoint, { requestId, body: { resource } })

    expect([other.status, other.body.code]).toEqual([409, 'payment_conflict'])
  })

  it('case 17: are told so by JSON, and pay nothing, when Postgres is down', async ({ expect }) => {
    const before = await world.balanceOf(agent)
    const body = JSON.stringify({ code: 'PGRST002', message: 'no connection' })
    const effect = { kind: 'status', status: 503, body } as const
    world.payos.postgrest.faults.add({ match: 'settle_x402', times: 0, effect })
    const { pay } = await openBuyer()

    await expect(pay(shop.url)).rejects.toThrow(
      /^Failed to create payment payload: (Nothing was|Maybe) paid/,
    )

    expect(await world.balanceOf(agent)).toBe(before)
  })

  it('case 18: are served while Redis is down', async ({ expect }) => {
    world.payos.redis.faults.add({ times: 0, effect: { kind: 'drop' } })
    const { pay } = await openBuyer()
    expect((await pay(shop.url)).status).toBe(200)
  })

  it('case 19: find the payment whose answer was lost', async ({ expect }) => {
    const payer = await world.agent()
    const effect = { kind: 'drop' } as const
    world.payos.postgrest.faults.add({ match: 'settle_x402_payment', when: 'after', effect })
    const { pay } = await openBuyer(payer)

    expect((await pay(shop.url)).status).toBe(200)
    expect(await world.paymentsOf(payer)).toHaveLength(1)
  })

  it('case 20: get a second try of a handler that failed, for the same payment', async ({
    expect,
    onTestFinished,
  }) => {
    const payer = await world.agent()
    const { pay } = await openBuyer(payer)
    let runs = 0
    const here = await openHandler({ world, packages }, () => {
      runs += 1
      return new Response('sunny', { status: runs === 1 ? 503 : 200 })
    })
    onTestFinished(() => here.stop())

    const failed = await pay(here.url)
    const served = await pay(here.url)

    expect([failed.status, served.status]).toEqual([503, 200])
    expect(await world.paymentsOf(payer)).toHaveLength(1)
  })

  it('case 21: never spend more than the policy, in 100 calls at once', async ({ expect }) => {
    const payer = await world.agent({ dayMax: '5000' })
    const buyers = await Promise.all([openBuyer(payer), openBuyer(payer)])

    const calls = Array.from({ length: 100 }, async (_, at) => {
      const response = await buyers[at % 2]?.pay(shop.url).catch(() => undefined)
      return response?.status
    })
    const served = (await Promise.all(calls)).filter((status) => status === 200)

    expect(served).toHaveLength(5)
    expect(await world.paymentsOf(payer)).toHaveLength(5)
  })

  it('case 22: send less than 2 KB to be served', async ({ expect }) => {
    const signer = await world.agent({ signs: true })
    const { pay, sent } = await openBuyer(signer)
    await pay(`${shop.url}?city=lima&day=tomorrow`)
    expect(sent[0]?.length).toBeLessThan(2048)
  })

  it('case 27: are told when to come back after too many guesses', async ({ expect }) => {
    const from = { 'cf-connecting-ip': '203.0.113.77' }
    const { body } = await world.pay(agent, shop.endpoint)
    const { proof, requestId } = body
    const presented = { proof, requestId, endpoint: shop.endpoint }
    const guess = () => {
      const key = makeApiKey({ kind: 'provider', environment: 'test', random: randomBytes(96) })
      return world.post('/v1/x402/settle', standardBody(presented), { key, headers: from })
    }
    let last = await guess()
    for (let tries = 1; tries < 80 && last.status !== 429; tries++) last = await guess()
    expect([last.status, Number(last.headers.get('retry-after')) > 0]).toEqual([429, true])
  })
})

describe('the acceptance cases', () => {
  /** Shown by specs that are not of the official packages alone. */
  const elsewhere = {
    1: 'packages.spec.ts',
    16: 'jwks.spec.ts',
    23: 'worker.spec.ts',
    24: 'packages.spec.ts',
  }

  it('are all named', ({ expect }) => {
    const texts = readdirSync(import.meta.dirname)
      .filter((name) => name.endsWith('.spec.ts'))
      .map((name) => readFileSync(join(import.meta.dirname, name), 'utf8'))
    const named = texts.join('').matchAll(/'case (\d+): /g)
    const cases = new Set([...named].map(([, digits]) => Number(digits)))

    const all = Array.from({ length: 28 }, (_, at) => at + 1)
    expect(all.filter((it) => !cases.has(it))).toEqual(Object.keys(elsewhere).map(Number))
  })
})

const redisOf = () => {
  const { url, token } = world.payos.redis
  return { url, token }
}

/** What an agent sends for a proof that it has from elsewhere. */
async function headerOf({ url }: OfficialShop, proof: string): Promise<string> {
  const { headers } = await fetch(url)
  const { accepts, resource } = JSON.parse(atob(headers.get('payment-required') ?? ''))
  const payload = { x402Version: 2, resource, accepted: accepts[0], payload: { proof } }
  return btoa(JSON.stringify(payload))
}
