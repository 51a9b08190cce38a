import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { hmacSecretOf, signWebhook } from '../shared/domain/webhook-signature.ts'
import { openWebhookWorld, type Told, type WebhookWorld } from './support/webhooks.ts'
import { openWorld } from './support/world.ts'

let hooks: WebhookWorld

beforeAll(async () => {
  hooks = await openWebhookWorld(await openWorld())
})
afterAll(() => hooks.close())

const payments = (told: Told, count: number) =>
  Promise.all(Array.from({ length: count }, () => hooks.pay(told)))

const statesOf = async (told: Told) =>
  new Set((await hooks.events(told)).map(({ state, attempt }) => `${state} ${attempt}`))

describe('while QStash', () => {
  it.for(['accept', 'refuse'])(
    'is out for an hour (publishes: %s), payments go on and none is missed',
    async (publishes, { expect }) => {
      const told = await hooks.told()
      await hooks.qstash('pause', { publishes })
      await payments(told, 5)
      for (let minute = 0; minute < 60; minute += 5) {
        await hooks.world.advance(5 * 60_000)
        await hooks.cron()
      }
      expect(told.received()).toEqual([])
      const { waiting, oldest_seconds: oldest } = await hooks.figures(told)
      expect([waiting, Math.floor(Number(oldest) / 60)]).toEqual([5, 60])

      await hooks.qstash('resume')
      // What is under way ends before time moves: who takes a minute is taken for dead.
      await hooks.world.payos.qstash.settle()
      await hooks.pass(3)

      expect(new Set(told.accepted()).size).toBe(5)
      expect(told.accepted()).toHaveLength(5)
      expect(await statesOf(told)).toEqual(new Set(['delivered 1']))
    },
  )

  it('doubles every message, each event is sent once', async ({ expect }) => {
    const told = await hooks.told()
    await hooks.qstash('duplicate', { match: '/internal/webhooks', times: 2, messages: 0 })
    await payments(told, 5)
    await hooks.pass(2)
    await hooks.qstash('reset')

    expect(new Set(told.accepted()).size).toBe(5)
    expect(told.accepted()).toHaveLength(5)
  })

  it('brings messages in another order, each event is sent once', async ({ expect }) => {
    const told = await hooks.told()
    await hooks.qstash('reorder', { match: '/internal/webhooks', count: 4 })
    await payments(told, 5)
    await hooks.pass(2)

    expect(new Set(told.accepted()).size).toBe(5)
    expect(told.accepted()).toHaveLength(5)
  })

  it('loses our answers, each event is sent once', async ({ expect }) => {
    const told = await hooks.told()
    await hooks.qstash('lose-delivery-answer', { match: '/internal/webhooks', times: 6 })
    await payments(told, 5)
    await hooks.pass(10)

    expect(new Set(told.accepted()).size).toBe(5)
    expect(told.accepted()).toHaveLength(5)
  })
})

describe('while the ledger', () => {
  it.for([
    ['take_x402_events', 'after'],
    ['begin_x402_delivery', 'before'],
    ['begin_x402_delivery', 'after'],
    ['end_x402_delivery', 'after'],
  ] as const)(
    'loses its answer to %s (%s), the event is sent once',
    async ([match, when], { expect }) => {
      const told = await hooks.told()
      await hooks.pay(told)
      hooks.world.payos.postgrest.faults.add({ match, when, effect: { kind: 'drop' } })

      await hooks.world.advance(2_000)
      await hooks.cron().catch(() => undefined)
      await hooks.pass(15)

      expect(told.accepted()).toHaveLength(1)
      expect(await statesOf(told)).toEqual(new Set(['delivered 1']))
    },
  )
})

describe('a secret', () => {
  const signaturesOf = (told: Told) =>
    told.received().map(({ headers }) => headers['webhook-signature']?.split(' ') ?? [])

  it('that is replaced signs beside the new one for a day, and never after', async ({ expect }) => {
    const told = await hooks.told()
    const fresh = hmacSecretOf(randomBytes(32))
    await hooks.pay(told)
    await hooks.tick()
    await hooks.world.operate('put_x402_webhook_secret', [told.provider.id, fresh])
    await hooks.pay(told)
    await hooks.jump(86_400 - 60)
    await hooks.pay(told)
    await hooks.jump(120)

    const [before = [], during = [], after = []] = signaturesOf(told)
    const by = (at: number, secret: string) => {
      const received = told.received()[at]
      const message = {
        id: received?.headers['webhook-id'] ?? '',
        timestamp: Number(received?.headers['webhook-timestamp']),
        body: received?.body.toString() ?? '',
      }
      return signWebhook(message, [secret])
    }
    expect(before).toEqual([await by(0, told.secret)])
    expect(during.sort()).toEqual([await by(1, fresh), await by(1, told.secret)].sort())
    expect(after).toEqual([await by(2, fresh)])
  })

  it('that leaked can be ended at once', async ({ expect }) => {
    const told = await hooks.told()
    const fresh = hmacSecretOf(randomBytes(32))
    await hooks.world.operate('put_x402_webhook_secret', [told.provider.id, fresh, '0'])
    await hooks.pay(told)
    await hooks.jump(2)

    expect(signaturesOf(told)[0]).toHaveLength(1)
  })
})

describe('an address nothing may be posted to', () => {
  it('is found at the attempt, though the ledger has it: the webhook is disabled', async ({
    expect,
  }) => {
    const told = await hooks.told()
    await hooks.pay(told)
    const { sql } = hooks.world.database
    await sql`
      update ledger.webhooks set url = 'https://edge.payos.test/hook'
      where holder_id = ${told.provider.id}`
    await hooks.tick()

    expect(await hooks.figures(told)).toMatchObject({
      status: 'disabled',
      reason: 'url_not_allowed',
      waiting: 1,
    })
    expect(hooks.world.payos.edges.logs().join('\n')).toContain('"answer":"url_not_allowed"')
  })
})

describe('replay', () => {
  it('of a range sends what happened in it, of that provider alone', async ({ expect }) => {
    const [told, other] = [await hooks.told(), await hooks.told()]
    const since: string[] = []
    for (let hour = 0; hour < 3; hour++) {
      since.push(new Date(hooks.world.payos.clock.now()).toISOString())
      await hooks.pay(told)
      await hooks.pay(other)
      await hooks.jump(3_600)
    }
    const middle = (await hooks.events(told))[1]?.id

    const count = await hooks.world.operate('replay_x402_events', [
      told.provider.id,
      null,
      since[1] ?? '',
      since[2] ?? '',
      'delivered',
    ])
    await hooks.tick()

    expect(count).toBe(1)
    expect(told.accepted().slice(3)).toEqual([middle])
    expect(other.accepted()).toHaveLength(3)
  })
})
