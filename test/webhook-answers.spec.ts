import { afterAll, beforeAll, describe, it } from 'vitest'
import type { Received } from './support/qstash.ts'
import { openWebhookWorld, type Told, type WebhookWorld } from './support/webhooks.ts'
import { openWorld } from './support/world.ts'

let hooks: WebhookWorld

beforeAll(async () => {
  hooks = await openWebhookWorld(await openWorld())
})
afterAll(() => hooks.close())

/** The one event of a provider. */
const only = async (told: Told) => (await hooks.events(told))[0]

describe('an event that is refused', () => {
  it('waits as long as the receiver asks it to', async ({ expect }) => {
    const told = await hooks.told()
    told.answers((_, nth) =>
      nth === 1 ? { status: 429, headers: { 'retry-after': '7200' } } : { status: 200 },
    )
    await hooks.pay(told)
    await hooks.tick()

    await hooks.jump(7_190)
    expect(told.received()).toHaveLength(1)
    await hooks.jump(60)
    expect(told.accepted()).toHaveLength(1)
  })

  it.for([
    ['its schedule', undefined, [60, 300, 1_800]],
    ['the pause it is asked for', '3600', [3_600]],
  ] as const)(
    'keeps %s, however many others are accepted meanwhile',
    async ([, asked, pauses], { expect }) => {
      const told = await hooks.told()
      const headers: Record<string, string> = asked ? { 'retry-after': asked } : {}
      const refused = await hooks.pay(told)
      const isRefused = ({ body }: Received) => body.toString().includes(refused)
      told.answers((it) => (isRefused(it) ? { status: 500, headers } : { status: 204 }))

      for (let minutes = 0; minutes <= 64; minutes += 4) {
        await hooks.pay(told)
        await hooks.jump(4 * 60)
      }

      const attempts = told.received().filter(isRefused)
      const times = attempts.map(({ headers }) => Number(headers['webhook-timestamp']))
      const gaps = times.slice(1).map((time, at) => time - (times[at] ?? 0))
      expect(gaps).toEqual(pauses.map(() => expect.any(Number)))
      expect(gaps.filter((gap, at) => gap < (pauses[at] ?? 0))).toEqual([])
      expect(told.accepted()).toHaveLength(17)
    },
  )

  it.for([301, 302, 307, 308])('by a %d goes nowhere else', async (status, { expect }) => {
    const [told, other] = [await hooks.told(), await hooks.told()]
    told.answers(() => ({ status, headers: { location: other.url } }))
    await hooks.pay(told)
    await hooks.tick()

    expect(told.received()).toHaveLength(1)
    expect(other.received()).toEqual([])
    expect(await only(told)).toMatchObject({ state: 'pending', last_answer: String(status) })
  })

  it('for 15 seconds of silence has failed', async ({ expect }) => {
    const told = await hooks.told()
    told.answers(() => new Promise(() => undefined))
    await hooks.pay(told)

    const started = performance.now()
    await hooks.tick()

    expect(performance.now() - started).toBeGreaterThan(14_000)
    expect(await only(told)).toMatchObject({ state: 'pending', last_answer: 'timeout' })
    told.answers(() => ({ status: 200 }))
  })
})

describe('a receiver that is gone', () => {
  it('is sent nothing more, alarms, and gets what waited when it is back', async ({ expect }) => {
    const told = await hooks.told()
    told.answers(() => ({ status: 410 }))
    await hooks.pay(told)
    await hooks.pass(1)
    told.answers(() => ({ status: 200 }))
    await hooks.pay(told)
    await hooks.pass(10)

    expect(told.received()).toHaveLength(1)
    expect(await hooks.figures(told)).toMatchObject({
      status: 'disabled',
      reason: 'gone',
      waiting: 2,
      delivery_rate: null,
    })
    expect(hooks.world.payos.edges.logs().join('\n')).toContain('"alarm":"webhook_disabled"')

    await hooks.world.operate('put_x402_webhook', [told.provider.id, told.url])
    await hooks.pass(3)

    expect(new Set(told.accepted()).size).toBe(2)
    expect(told.accepted()).toHaveLength(2)
  })
})

describe('an answer', () => {
  it('is not read, however long it is', async ({ expect }) => {
    const told = await hooks.told()
    told.answers(() => ({ status: 200, body: 'x'.repeat(50_000_000) }))
    await hooks.pay(told)
    await hooks.tick()

    expect(await only(told)).toMatchObject({ state: 'delivered', last_answer: '200' })
  })

  it('that the ledger never learns of brings the same event again', async ({ expect }) => {
    const told = await hooks.told()
    await hooks.pay(told)
    const { faults } = hooks.world.payos.postgrest
    faults.add({ match: 'end_x402_delivery', when: 'before', effect: { kind: 'drop' } })
    await hooks.tick()
    await hooks.pass(15)

    expect(told.accepted()).toHaveLength(2)
    expect(new Set(told.accepted()).size).toBe(1)
    expect(await only(told)).toMatchObject({ state: 'delivered', attempt: 1 })
  })
})
