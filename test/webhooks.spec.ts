import { afterAll, beforeAll, describe, it } from 'vitest'
import { openWebhookWorld, type Told, type WebhookWorld } from './support/webhooks.ts'
import { openWorld } from './support/world.ts'

let hooks: WebhookWorld

beforeAll(async () => {
  hooks = await openWebhookWorld(await openWorld({ locations: ['lima', 'oslo'] }))
})
afterAll(() => hooks.close())

const bodiesOf = (told: Told) => told.received().map(({ body }) => JSON.parse(body.toString()))
const idsOf = (told: Told) => told.received().map(({ headers }) => headers['webhook-id'])

/** The one event of a provider. */
const only = async (told: Told) => (await hooks.events(told))[0]

describe('a payment of a provider with a webhook', () => {
  it('is told within seconds, as the documentation shows it', async ({ expect }) => {
    const told = await hooks.told()
    const agent = await hooks.world.agent()
    const paid = await hooks.world.pay(agent, told.endpoint, { requestId: 'told-1' })

    await hooks.world.advance(2_000)
    await hooks.world.payos.qstash.settle()

    const [received] = told.received()
    expect(bodiesOf(told)).toEqual([
      {
        type: 'payment.settled',
        timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
        sequence: expect.any(Number),
        data: {
          paymentId: paid.body.paymentId,
          requestId: 'told-1',
          endpointId: told.endpoint.id,
          agentId: agent.id,
          amount: '0.001',
          currency: 'USDC',
          status: 'settled',
        },
      },
    ])
    expect(received?.method).toBe('POST')
    expect(received?.headers).toMatchObject({
      'content-type': 'application/json',
      'user-agent': 'PayOS-Webhooks/1',
      'webhook-id': expect.stringMatching(/^[0-9a-f-]{36}$/),
      'webhook-timestamp': expect.stringMatching(/^\d{10}$/),
      'webhook-signature': expect.stringMatching(/^v1,[A-Za-z0-9+/]{43}=$/),
    })
    expect(Object.keys(received?.headers ?? {}).join()).not.toContain('upstash')
    expect(await only(told)).toMatchObject({ state: 'delivered', attempt: 1, last_answer: '204' })
  })

  it('is one event, however often it is repeated', async ({ expect }) => {
    const told = await hooks.told()
    const agent = await hooks.world.agent()
    for (const edge of [0, 1, 0]) {
      await hooks.world.pay(agent, told.endpoint, { requestId: 'again', edge })
    }

    await hooks.pass(1)

    expect(await hooks.events(told)).toHaveLength(1)
    expect(told.accepted()).toHaveLength(1)
  })

  it('is not told when it is declined', async ({ expect }) => {
    const told = await hooks.told()
    await hooks.world.pay(await hooks.world.agent({ funds: '0' }), told.endpoint)

    expect(await hooks.events(told)).toEqual([])
  })
})

describe('a payment of a provider without a webhook', () => {
  it('writes no event, makes the same trips and wakes nobody', async ({ expect }) => {
    const [endpoint, told] = [await hooks.world.endpoint(), await hooks.told()]
    const [agent, { trips }] = [await hooks.world.agent(), hooks.world.payos.qstash]
    await hooks.world.advance(2_000)
    const before = [trips.length, await eventCount()]

    const silent = await hooks.world.pay(agent, endpoint)
    const after = [trips.length, await eventCount()]
    const loud = await hooks.world.pay(agent, told.endpoint)

    expect(after).toEqual(before)
    const [quiet, noisy] = [hooks.world.tripsOf(silent), hooks.world.tripsOf(loud)]
    expect(quiet.filter((trip) => trip === 'database')).toEqual(['database'])
    expect(noisy.filter((trip) => trip === 'database')).toEqual(['database'])
  })

  const eventCount = async () => {
    const [row] = await hooks.world.database.sql`select count(*)::int as n from ledger.events`
    return row?.['n']
  }
})

describe('a provider that is down for an hour', () => {
  it('misses nothing, gets each event once, and those of a payment in order', async ({
    expect,
  }) => {
    const told = await hooks.told()
    told.answers(() => ({ status: 503 }))
    const payments: string[] = []
    for (let minutes = 0; minutes < 60; minutes += 10) {
      const paymentId = await hooks.pay(told)
      payments.push(paymentId)
      await hooks.pass(5)
      await hooks.refund(told, paymentId)
      await hooks.pass(5)
    }
    expect(told.accepted()).toEqual([])
    const attempts = told.received().length

    told.answers(() => ({ status: 200 }))
    await hooks.jump(2 * 3_600)
    await hooks.pass(2)

    const events = await hooks.events(told)
    expect(told.accepted().sort()).toEqual(events.map(({ id }) => id).sort())
    expect(events.map(({ state }) => state)).toEqual(Array(12).fill('delivered'))
    expect(attempts).toBeLessThan(40)
    const accepted = bodiesOf(told).slice(attempts)
    for (const paymentId of payments) {
      const kinds = accepted.filter(({ data }) => data.paymentId === paymentId)
      expect(kinds.map(({ type }) => type)).toEqual(['payment.settled', 'payment.refunded'])
    }
    expect(await hooks.figures(told)).toMatchObject({ waiting: 0, delivery_rate: 1 })
  })

  it('gets all that was not tried yet as soon as it accepts one, the rest by its schedule', async ({
    expect,
  }) => {
    const told = await hooks.told()
    told.answers(() => ({ status: 500 }))
    for (let count = 0; count < 8; count++) await hooks.pay(told)
    await hooks.pass(45)
    const refused = new Set(idsOf(told))
    for (let count = 0; count < 8; count++) await hooks.pay(told)
    told.answers(() => ({ status: 200 }))

    await hooks.pass(2)
    const atOnce = told.accepted().filter((id) => !refused.has(id))
    const early = told.accepted().length - atOnce.length
    await hooks.jump(2 * 3_600)
    await hooks.pass(1)

    expect([refused.size, atOnce.length, early]).toEqual([8, 8, 0])
    expect(new Set(told.accepted()).size).toBe(16)
    expect(told.accepted()).toHaveLength(16)
  })
})

describe('an event that is refused', () => {
  it('comes again by the published schedule, and is accepted at the tenth attempt', async ({
    expect,
  }) => {
    const told = await hooks.told()
    told.answers((_, nth) => ({ status: nth < 10 ? 500 : 200 }))
    await hooks.pay(told)
    await hooks.tick()

    const counts: number[] = []
    for (const seconds of [60, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400]) {
      await hooks.jump(seconds - 5)
      counts.push(told.received().length)
      await hooks.jump(5 + 60)
    }

    expect(counts).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect(new Set(idsOf(told)).size).toBe(1)
    expect(new Set(told.received().map(({ body }) => body.toString())).size).toBe(1)
    expect(new Set(told.received().map(({ headers }) => headers['webhook-timestamp'])).size).toBe(
      10,
    )
    expect(told.accepted()).toHaveLength(1)
    expect(await only(told)).toMatchObject({ state: 'delivered', attempt: 10 })
  })

  it('is dead after ten attempts, alarms, and comes again when it is replayed', async ({
    expect,
  }) => {
    const [told, other] = [await hooks.told(), await hooks.told()]
    told.answers(() => ({ status: 500 }))
    await hooks.pay(told)
    await hooks.tick()
    for (let attempt = 1; attempt < 10; attempt++) await hooks.jump(86_400 + 60)

    const event = await only(told)
    expect(event).toMatchObject({ state: 'dead', attempt: 10 })
    expect(told.received()).toHaveLength(10)
    expect(await hooks.figures(told)).toMatchObject({ dead: 1, delivery_rate: 0 })
    expect(hooks.world.payos.edges.logs().join('\n')).toContain('"alarm":"webhook_dead"')

    told.answers(() => ({ status: 200 }))
    const replay = (of: Told) =>
      hooks.world.operate('replay_x402_events', [of.provider.id, event?.id ?? ''])
    expect([await replay(other), await replay(told)]).toEqual([0, 1])
    await hooks.tick()

    expect(told.accepted()).toEqual([event?.id])
    expect(other.received()).toEqual([])
  })
})
