import { afterAll, beforeAll, describe, it } from 'vitest'
import { expectMalformed } from './support/problems.ts'
import { waitedFor } from './support/trips.ts'
import { type Endpoint, openWorld, type World } from './support/world.ts'

const PATH = '/v1/x402/discovery/resources'

let world: World
let listed: Endpoint[]

beforeAll(async () => {
  world = await openWorld()
  listed = []
  for (const [at, price] of ['1000', '2000', '3000'].entries()) {
    const endpoint = await world.endpoint({ price, url: `https://api.example/${at}` })
    await show(endpoint, true)
    listed.push(endpoint)
  }
  const free = await world.endpoint({ price: '0' })
  await show(free, true)
  await world.endpoint()
})
afterAll(() => world.close())

const show = ({ id }: Endpoint, discoverable: boolean) =>
  world.database.sql`select api.put_x402_endpoint_terms(${id}, null, ${discoverable})`

const found = (body: { items: { resource: string }[] }) => body.items.map((item) => item.resource)

describe('GET /discovery/resources', () => {
  it('lists what wants to be found and costs something, oldest first', async ({ expect }) => {
    const answer = await world.get(PATH)

    expect(answer.status).toBe(200)
    expect(answer.body.pagination).toEqual({ limit: 20, offset: 0, total: 3 })
    expect(found(answer.body)).toEqual(listed.map(({ url }) => url))
    expect(answer.body.x402Version).toBe(2)
    expect(answer.headers.get('cache-control')).toBe('public, max-age=60')
  })

  it('says of each what its quote says', async ({ expect }) => {
    const [first] = listed
    const { body } = await world.get(PATH)
    const quote = await world.get(`/v1/x402/endpoints/${first?.id}`)

    expect(body.items[0]).toEqual({
      resource: first?.url,
      type: 'http',
      x402Version: 2,
      accepts: [quote.body.requirement],
      lastUpdated: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
      metadata: { method: 'GET' },
    })
  })

  it('gives a page of them, and nothing beyond the last', async ({ expect }) => {
    const middle = await world.get(`${PATH}?limit=1&offset=1`)
    const beyond = await world.get(`${PATH}?limit=100&offset=10000`)

    expect(found(middle.body)).toEqual([listed[1]?.url])
    expect(middle.body.pagination).toEqual({ limit: 1, offset: 1, total: 3 })
    expect([beyond.body.items, beyond.body.pagination.total]).toEqual([[], 3])
  })

  it('lists nothing of a type there is not here', async ({ expect }) => {
    const { body } = await world.get(`${PATH}?type=mcp`)
    expect([body.items, body.pagination.total]).toEqual([[], 0])
  })

  it('asks the ledger once in 60 seconds, and shows then what changed', async ({ expect }) => {
    const [, , last] = listed
    await world.payos.edges.restart()
    const first = await world.get(PATH)
    if (last) await show(last, false)
    const second = await world.get(PATH)
    await world.advance(61_000)
    const third = await world.get(PATH)

    expect([first, second, third].map(waitedFor)).toEqual([['database'], [], ['database']])
    expect([first, second, third].map(({ body }) => body.pagination.total)).toEqual([3, 3, 2])
  })

  it.for([
    ['limit', ['0', '101', '-1', '1.5', '', 'ten', '1e1', '٣', '000001']],
    ['offset', ['-1', '10001', '1.5', '', 'x', '99999999999999999999']],
  ] as const)('refuses a %s that is none', async ([param, values], { expect }) => {
    for (const value of values) {
      const answer = await world.get(`${PATH}?${param}=${encodeURIComponent(value)}`)
      expectMalformed(expect, answer, param)
    }
  })
})
