import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, it } from 'vitest'
import type { Answer, Body } from './support/http.ts'
import { expectProblem } from './support/problems.ts'
import { sendRaw } from './support/raw.ts'
import { type Agent, type Endpoint, openWorld, type World } from './support/world.ts'

/** Requests sent at once, and how often; together 2 400. */
const BATCH = 20
const RUNS = 60

let world: World
let agent: Agent
let endpoint: Endpoint
let charged = 0

beforeAll(async () => {
  world = await openWorld()
  ;[agent, endpoint] = [await world.agent({ signs: false }), await world.endpoint()]
})
afterAll(() => world.close())

/** The valid body, as it leaves for each request: every order is a payment of its own. */
const bodies: Record<'pay' | 'verify', () => Body> = {
  pay: () => ({
    endpointId: endpoint.id,
    walletId: agent.walletId,
    amount: '0.001',
    currency: 'USDC',
    requestId: randomUUID(),
    timestamp: Math.floor(world.payos.clock.now() / 1000),
    method: 'GET',
    resource: endpoint.url,
  }),
  verify: () => ({ proof: 'a.b.c', endpointId: endpoint.id, amount: '0.001', consume: false }),
}

const hostile = fc.constantFrom<unknown>(
  '__proto__',
  '\ud800',
  '\u0000',
  '１',
  '-0',
  '1e999',
  'null',
  '../',
  '%2e',
  '\u202e',
  '🪙'.repeat(99),
  2 ** 60,
  -0,
  1e21,
  1e-7,
  { $gt: 0 },
  [[]],
  { __proto__: null },
  { toString: 1 },
)

/** Something done to a body: a member replaced, added or left out, or a stretch of its text. */
const change = fc.oneof(
  fc.record({
    member: fc.oneof(fc.nat(8), fc.string({ maxLength: 12 })),
    value: fc.oneof(hostile, fc.jsonValue({ maxDepth: 3 }), fc.string()),
  }),
  fc.record({
    at: fc.nat(300),
    cut: fc.nat(20),
    text: fc.oneof(
      fc.string(),
      fc.string({ unit: 'binary' }),
      fc.constantFrom('{', '"', ',', '\\'),
    ),
  }),
)

type Change = typeof change extends fc.Arbitrary<infer Value> ? Value : never

function apply(body: Body, made: Change): string {
  if ('at' in made) {
    const text = JSON.stringify(body)
    return text.slice(0, made.at) + made.text + text.slice(made.at + made.cut)
  }
  const { member, value } = made
  const name = typeof member === 'number' ? (Object.keys(body)[member] ?? 'note') : member
  return JSON.stringify({ ...body, [name]: value })
}

describe.for(['pay', 'verify'] as const)('POST /%s', (route) => {
  it('answers any body with success or a problem, and charges for success only', async ({
    expect,
  }) => {
    const { apiKey } = route === 'pay' ? agent : endpoint.provider
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${apiKey}` }
    const answers: Answer[] = []

    const send = async (made: Change) => {
      const body = apply(bodies[route](), made)
      const answer = await sendRaw(world, `/v1/x402/${route}`, { method: 'POST', headers, body })
      answers.push(answer)
      if (answer.status !== 200) expectProblem(expect, answer)
      if (answer.body.code === 'malformed_request') expect(answer.body.param).toBeTypeOf('string')
    }
    const batch = fc.array(change, { minLength: BATCH, maxLength: BATCH })
    await fc.assert(
      fc.asyncProperty(batch, async (changes) => {
        await Promise.all(changes.map(send))
      }),
      { numRuns: RUNS, endOnFailure: true },
    )

    expect(answers.length).toBe(BATCH * RUNS)
    const settled = answers.filter(({ status, body }) => status === 200 && body.replayed === false)
    expect(await world.paymentsOf(agent)).toHaveLength(route === 'pay' ? settled.length : charged)
    charged = settled.length
    expect(await world.imbalances()).toEqual([])
  })
})
