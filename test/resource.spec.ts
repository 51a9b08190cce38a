import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { type Agent, type Endpoint, openWorld, type World } from './support/world.ts'

let world: World
let agent: Agent
let endpoint: Endpoint

beforeAll(async () => {
  world = await openWorld()
  agent = await world.agent()
  endpoint = await world.endpoint({ url: 'https://api.example/weather' })
})
afterAll(() => world.close())

const payFor = (resource: string | undefined, method = 'GET', at = endpoint) =>
  world.pay(agent, at, { body: { resource, method } })

/** What the proof must carry of a method and a URL, told once more. */
const hashOf = (text: string) =>
  createHash('sha256').update(text).digest().subarray(0, 16).toString('base64url')

const claimed = (proof: string) =>
  JSON.parse(`${Buffer.from(proof.split('.')[1] ?? '', 'base64url')}`).rsh

describe('a resource at or below the registered URL', () => {
  it.for<[string | undefined, string]>([
    [undefined, 'https://api.example/weather'],
    ['https://api.example/weather', 'https://api.example/weather'],
    ['https://api.example/weather?city=lima', 'https://api.example/weather?city=lima'],
    ['https://api.example/weather?', 'https://api.example/weather?'],
    ['https://api.example/weather/lima?u=c', 'https://api.example/weather/lima?u=c'],
    ['https://api.example/weather/', 'https://api.example/weather/'],
    ['HTTPS://API.example:443/weather?q=%C3%A9', 'https://api.example/weather?q=%C3%A9'],
    ['https://api.example/weather?q=é', 'https://api.example/weather?q=%C3%A9'],
  ])('%s is paid, and the proof names it', async ([resource, href], { expect }) => {
    const paid = await payFor(resource)
    expect(paid.status).toBe(200)
    expect(claimed(paid.body.proof)).toBe(hashOf(`GET ${href}`))
  })

  it('counts from the root when the root is registered', async ({ expect }) => {
    const root = await world.endpoint({ url: 'https://root.example/' })
    for (const resource of ['https://root.example', 'https://root.example/any/path?q']) {
      expect((await payFor(resource, 'GET', root)).status).toBe(200)
    }
  })

  it('is told in any spelling of its method', async ({ expect }) => {
    const paid = await payFor('https://api.example/weather', 'get')
    expect(claimed(paid.body.proof)).toBe(hashOf('GET https://api.example/weather'))
  })
})

describe('any other resource', () => {
  it.for([
    'https://evil.example/weather',
    'https://api.example.evil.example/weather',
    'https://evil.example/https://api.example/weather',
    'https://api.example:8443/weather',
    'https://api.example./weather',
    'https://sub.api.example/weather',
    'https://api.example/weather2',
    'https://api.example/weather%20',
    'https://api.example/Weather',
    'https://api.example//weather',
    'https://api.example/',
    'https://api.example/admin?/weather',
    'https://аpi.example/weather',
    'http://127.0.0.1/weather',
  ])('is refused and charged nothing: %s', async (resource, { expect }) => {
    const before = await world.balanceOf(agent)

    const answer = await payFor(resource)

    expect([answer.status, answer.body.code]).toEqual([422, 'resource_mismatch'])
    expect([answer.body.retry, answer.body.param]).toEqual(['fix', 'resource'])
    expect(await world.balanceOf(agent)).toBe(before)
  })

  it('is one of another method', async ({ expect }) => {
    const answer = await payFor('https://api.example/weather', 'POST')
    expect([answer.status, answer.body.code]).toEqual([422, 'resource_mismatch'])
  })

  it('is never fetched', async ({ expect }) => {
    let visits = 0
    const server = createServer((_, response) => {
      visits += 1
      response.end()
    }).listen(0)
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const resource = `http://127.0.0.1:${port}/weather`
    const at = await world.endpoint({ url: resource })

    const paid = await payFor(resource, 'GET', at)
    await world.verify({ proof: paid.body.proof, method: 'GET', resource })

    expect(paid.status).toBe(200)
    expect(visits).toBe(0)
    server.close()
  })
})
