import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, it } from 'vitest'
import type { Answer } from './support/http.ts'
import { waitedFor } from './support/trips.ts'
import {
  type Agent,
  type AgentTerms,
  type Endpoint,
  openWorld,
  type World,
} from './support/world.ts'

const MINUTES = 60_000

let world: World
let agent: Agent
let endpoint: Endpoint

beforeAll(async () => {
  world = await openWorld({ locations: ['lima', 'oslo'] })
  endpoint = await world.endpoint({ price: '1000' })
})
beforeEach(async () => {
  agent = await world.agent({ paymentMax: '500' })
})
afterAll(() => world.close())

const told = ({ status, body }: Answer) => [status, body.code, body.rule]

const refused = [403, 'policy_refused', 'payment_max']

describe('a policy an edge remembers', () => {
  it('refuses without a trip once it is 15 minutes old', async ({ expect }) => {
    await world.advance(16 * MINUTES)
    const first = await world.pay(agent, endpoint)
    const second = await world.pay(agent, endpoint)

    expect([told(first), waitedFor(first)]).toEqual([refused, ['database']])
    expect([told(second), waitedFor(second)]).toEqual([refused, []])
    expect(second.body).toMatchObject({ retry: 'never', hint: expect.stringContaining('owner') })
  })

  it('leaves it to the ledger before', async ({ expect }) => {
    await world.advance(14 * MINUTES)
    await world.pay(agent, endpoint)
    const second = await world.pay(agent, endpoint)
    expect([told(second), waitedFor(second)]).toEqual([refused, ['database']])
  })

  it('is asked for anew after 30 seconds', async ({ expect }) => {
    await world.advance(16 * MINUTES)
    const trips: string[][] = []
    for (const ms of [0, 10_000, 18_000, 4000]) {
      await world.advance(ms)
      trips.push(waitedFor(await world.pay(agent, endpoint)))
    }
    expect(trips).toEqual([['database'], [], [], ['database']])
  })

  it.for(['the same edge', 'another edge'])(
    'finds what was paid before: at %s',
    async (where, { expect }) => {
      await world.allow(agent, { paymentMax: '1000' })
      const requestId = randomUUID()
      const paid = await world.pay(agent, endpoint, { requestId })
      await world.allow(agent, { paymentMax: '500' })
      const edge = where === 'the same edge' ? 0 : 1

      for (const minutes of [0, 7, 7]) {
        await world.advance(minutes * MINUTES)
        expect(told(await world.pay(agent, endpoint, { edge }))).toEqual(refused)
        const again = await world.pay(agent, endpoint, { requestId, edge })
        expect([again.status, again.body.paymentId]).toEqual([200, paid.body.paymentId])
      }
    },
  )

  it('never refuses what this edge settled, however long ago', async ({ expect }) => {
    await world.allow(agent, { paymentMax: '1000' })
    const requestId = randomUUID()
    const paid = await world.pay(agent, endpoint, { requestId })
    await world.allow(agent, { paymentMax: '500' })
    await world.advance(60 * MINUTES)

    expect(told(await world.pay(agent, endpoint))).toEqual(refused)
    const again = await world.pay(agent, endpoint, { requestId })
    expect([again.status, again.body.paymentId]).toEqual([200, paid.body.paymentId])
  })

  it('gives way to a raised limit within 30 seconds, and to a lowered one at once', async ({
    expect,
  }) => {
    await world.advance(16 * MINUTES)
    for (const edge of [0, 1]) await world.pay(agent, endpoint, { edge })
    await world.allow(agent, { paymentMax: '1000' })
    await world.advance(31_000)
    for (const edge of [0, 1]) {
      expect((await world.pay(agent, endpoint, { edge })).status).toBe(200)
    }

    await world.allow(agent, { paymentMax: '999' })
    for (const edge of [0, 1]) {
      expect(told(await world.pay(agent, endpoint, { edge }))).toEqual(refused)
    }
  })

  it('never stands in the way of what it allows', async ({ expect }) => {
    const cheap = await world.endpoint({ price: '500' })
    await world.advance(16 * MINUTES)
    await world.pay(agent, endpoint)
    expect((await world.pay(agent, cheap)).status).toBe(200)
  })

  it('tells nobody else what it says', async ({ expect }) => {
    const stranger = await world.agent()
    const colleague = { ...(await world.agent({ signs: true })), walletId: agent.walletId }
    await world.advance(16 * MINUTES)
    for (const _ of [1, 2]) await world.pay(agent, endpoint)

    const theirs = await world.pay(stranger, endpoint, { body: { walletId: agent.walletId } })
    const signed = await world.pay(colleague, endpoint)

    for (const answer of [theirs, signed]) {
      expect([answer.status, answer.body.code]).toEqual([404, 'not_found'])
    }
  })

  it('comes after the endpoint and the price', async ({ expect }) => {
    await world.advance(16 * MINUTES)
    for (const _ of [1, 2]) await world.pay(agent, endpoint)

    const dear = await world.pay(agent, endpoint, { body: { amount: '0.002' } })
    const nowhere = await world.pay(agent, { ...endpoint, id: randomUUID() })
    const elsewhere = await world.pay(agent, endpoint, { body: { method: 'POST' } })

    expect([dear, nowhere, elsewhere].map(({ body }) => body.code)).toEqual([
      'price_changed',
      'not_found',
      'resource_mismatch',
    ])
  })
})

describe('what an owner does not allow', () => {
  it.for<[string, AgentTerms]>([
    ['provider', { providers: [] }],
    ['payment_max', { paymentMax: '999' }],
    ['day_max', { dayMax: '999' }],
    ['month_max', { monthMax: '999' }],
  ])('is refused by %s, and charged nothing', async ([rule, terms], { expect }) => {
    const limited = await world.agent({ funds: '5000', ...terms })
    const answer = await world.pay(limited, endpoint)

    expect(told(answer)).toEqual([403, 'policy_refused', rule])
    expect(answer.body.retry).toBe('never')
    expect(await world.balanceOf(limited)).toBe('5000')
  })

  it('counts by the UTC day, to the second', async ({ expect }) => {
    const limited = await world.agent({ dayMax: '2000' })
    const day = 86_400_000
    const untilMidnight = day - (world.payos.clock.now() % day)
    await world.advance(untilMidnight - 20_000)
    const paid = [0, 1].map((edge) => world.pay(limited, endpoint, { edge }))
    expect((await Promise.all(paid)).map(({ status }) => status)).toEqual([200, 200])
    expect(told(await world.pay(limited, endpoint))).toEqual([403, 'policy_refused', 'day_max'])

    await world.advance(20_000)

    const next = await Promise.all([0, 1, 0].map((edge) => world.pay(limited, endpoint, { edge })))
    expect(next.map(({ status }) => status).sort()).toEqual([200, 200, 403])
  })
})
