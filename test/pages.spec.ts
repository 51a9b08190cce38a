import { afterAll, afterEach, beforeAll, describe, it } from 'vitest'
import { sendRaw } from './support/raw.ts'
import { type Agent, type Endpoint, openWorld, type World } from './support/world.ts'

const SHOP = 'https://shop.example'
const PATHS = ['/v1/x402/pay', '/v1/x402/verify', '/v1/x402/payments']

let world: World
let agent: Agent
let endpoint: Endpoint

beforeAll(async () => {
  world = await openWorld()
  await world.payos.edges.setBindings({ PAGE_ORIGINS: JSON.stringify([SHOP]) })
  ;[agent, endpoint] = [await world.agent(), await world.endpoint()]
})
afterEach(async ({ expect }) => {
  expect(await world.imbalances()).toEqual([])
})
afterAll(() => world.close())

const preflight = (path: string, origin: string) =>
  sendRaw(world, path, {
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization,content-type,x-evil',
    },
  })

async function payFrom(origin: string) {
  const body = JSON.stringify(await world.payBody(agent, endpoint))
  const headers = {
    origin,
    authorization: `Bearer ${agent.apiKey}`,
    'content-type': 'application/json',
  }
  return sendRaw(world, '/v1/x402/pay', { method: 'POST', headers, body })
}

describe('a web page whose origin the operator named', () => {
  it.for(PATHS)(
    'may call %s, with the headers of the API and no others',
    async (path, { expect }) => {
      const { status, headers } = await preflight(path, SHOP)

      expect(status).toBe(204)
      expect(headers.get('access-control-allow-origin')).toBe(SHOP)
      expect(headers.get('access-control-allow-headers')?.toLowerCase().split(',')).toEqual([
        'authorization',
        'x-api-key',
        'content-type',
        'idempotency-key',
      ])
      expect(headers.has('access-control-allow-credentials')).toBe(false)
    },
  )

  it('pays, and reads the answer and when to come again', async ({ expect }) => {
    const { status, headers } = await payFrom(SHOP)

    expect(status).toBe(200)
    expect(headers.get('access-control-allow-origin')).toBe(SHOP)
    expect(headers.get('access-control-expose-headers')).toContain('Retry-After')
    expect(headers.get('vary')).toBe('Origin')
    expect(headers.get('cache-control')).toBe('no-store')
  })

  it('reads a refusal as well as an answer', async ({ expect }) => {
    const { status, headers } = await sendRaw(world, '/v1/x402/pay', {
      method: 'POST',
      headers: { origin: SHOP, 'content-type': 'application/json' },
      body: '{}',
    })

    expect([status, headers.get('access-control-allow-origin')]).toEqual([400, SHOP])
  })

  it('asks for no metrics, and calls back in nobody’s name', async ({ expect }) => {
    for (const path of ['/v1/metrics', '/internal/settlements']) {
      const { status, headers } = await preflight(path, SHOP)
      expect([status, headers.has('access-control-allow-origin')]).toEqual([405, false])
    }
  })
})

describe('a web page of any other origin', () => {
  it.for([
    'https://evil.example',
    'null',
    'http://shop.example',
    'https://shop.example.evil.example',
    'https://SHOP.example',
    'https://shop.example:8443',
  ])('%s reads nothing', async (origin, { expect }) => {
    const answers = await Promise.all([
      ...PATHS.map((path) => preflight(path, origin)),
      payFrom(origin),
    ])

    expect(answers.map(({ status }) => status)).toEqual([405, 405, 405, 200])
    for (const { headers } of answers) {
      expect(headers.has('access-control-allow-origin')).toBe(false)
      expect(headers.get('vary')).toBe('Origin')
    }
  })
})
