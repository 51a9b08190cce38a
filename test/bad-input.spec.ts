import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, it } from 'vitest'
import { badValues } from './support/bad-values.ts'
import type { Body } from './support/http.ts'
import { expectMalformed } from './support/problems.ts'
import { sendRaw } from './support/raw.ts'
import { type Agent, type Endpoint, openWorld, type World } from './support/world.ts'

let world: World
let agent: Agent
let endpoint: Endpoint

beforeAll(async () => {
  world = await openWorld()
  ;[agent, endpoint] = [await world.agent(), await world.endpoint()]
})
afterEach(async ({ expect }) => {
  expect(await world.imbalances()).toEqual([])
})
afterAll(() => world.close())

const order = (): Body => ({
  endpointId: endpoint.id,
  walletId: agent.walletId,
  amount: '0.001',
  currency: 'USDC',
  requestId: randomUUID(),
  timestamp: Math.floor(world.payos.clock.now() / 1000),
  method: 'GET',
})

const proofCheck = (): Body => ({ proof: 'a.b.c', endpointId: endpoint.id })

const capture = (): Body => ({ paymentId: randomUUID(), amount: '0.001' })

const refund = (): Body => ({ paymentId: randomUUID(), refundId: 'a', amount: '0.001' })

const lookUp = (): Body => ({ paymentId: randomUUID(), requestId: 'a' })

/** JSON text of a body in which one member is written as told. */
const written = (body: Body, member: string, source: string) =>
  JSON.stringify({ ...body, [member]: '@' }).replace('"@"', () => source)

const send = (route: string, body: string | Uint8Array<ArrayBuffer>, headers = {}) =>
  sendRaw(world, `/v1/x402/${route}`, {
    method: 'POST',
    body,
    headers: {
      'content-type': 'application/json',
      'x-api-key': route === 'pay' ? agent.apiKey : endpoint.provider.apiKey,
      ...headers,
    },
  })

const routes = [
  [
    'pay',
    order,
    [
      'endpointId',
      'walletId',
      'amount',
      'currency',
      'requestId',
      'timestamp',
      'method',
      'resource',
      'settlement',
      'capture',
      'publicKey',
      'signature',
    ],
  ],
  ['verify', proofCheck, ['proof', 'endpointId', 'amount', 'attemptId', 'consume', 'release']],
  [
    'verify',
    () => ({ ...proofCheck(), method: 'GET', resource: endpoint.url }),
    ['method', 'resource'],
  ],
  ['verify', lookUp, ['paymentId', 'transferId', 'requestId']],
  ['settle', capture, ['paymentId', 'amount', 'attemptId']],
  ['refund', refund, ['paymentId', 'refundId', 'amount']],
] as const

describe.each(routes)('a member of POST /%s', (route, body, members) => {
  it.for(members)('%s is refused by name when it is no such value', async (member, { expect }) => {
    const values = badValues[member] ?? []
    expect(values.length).toBeGreaterThan(3)
    for (const source of values) {
      const answer = await send(route, written(body(), member, source))
      expectMalformed(expect, answer, member)
      expect(answer.body.hint).toContain(member === 'publicKey' ? 'JWK' : member)
    }
  })

  it.for(Object.keys(badValues))(
    '%s is refused when it comes twice',
    async (member, { expect }) => {
      const text = JSON.stringify({ ...body(), [member]: 'a' })
      const escaped = `\\u00${member.charCodeAt(0).toString(16)}${member.slice(1)}`
      for (const again of [member, escaped]) {
        const answer = await send(route, text.replace('{', `{"${again}":"b",`))
        expectMalformed(expect, answer, member)
      }
    },
  )

  it('that is required is refused by name when it is missing', async ({ expect }) => {
    for (const member of Object.keys(body()).filter(
      (it) => it !== 'endpointId' || route === 'pay',
    )) {
      const answer = await send(route, JSON.stringify({ ...body(), [member]: undefined }))
      const lacks = route === 'verify' && member === 'paymentId' ? 'proof' : member
      expectMalformed(expect, answer, lacks)
    }
  })

  it.for(['note', '__proto__', 'constructor', 'toString', 'Amount', 'amount ', ''])(
    'that nobody reads is refused by name: "%s"',
    async (member, { expect }) => {
      const text = JSON.stringify(body()).replace(/}$/, `,${JSON.stringify(member)}:{"a":1}}`)
      expectMalformed(expect, await send(route, text), member)
    },
  )
})
