import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { waitedFor } from '../support/trips.ts'
import { openWorld, type World } from '../support/world.ts'
import { explain } from './generated/explain.ts'

let world: World

beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world.close())

describe('T74: caches that are slow', () => {
  it('are left alone, and the operator still sees what happens', async ({ expect }) => {
    const [agent, endpoint] = [await world.agent(), await world.endpoint()]
    const requestId = randomUUID()
    const repeat = () => world.pay(agent, endpoint, { requestId })
    // Kept before Redis is slow: a write that succeeds would count for it.
    await world.kept(await repeat())
    const slow = { match: 'GET payos:test:answer', times: 3, effect: { kind: 'delay', ms: 300 } }
    world.payos.redis.faults.add(slow as never)
    const late = await Promise.all([repeat(), repeat(), repeat()])
    expect(late.map(({ status }) => status)).toEqual([200, 200, 200])

    const alone = await repeat()
    const metrics = await world.get('/v1/metrics', { key: world.payos.secrets.metricsToken })

    expect(waitedFor(alone)).toEqual(['database'])
    expect(metrics.status).toBe(200)
    expect(metrics.text).toContain('payos_requests_total{route="pay",code="ok"}')
  })
})

describe('an answer that was lost', () => {
  it('is explained by its repeat, which answers the payment that was in doubt', async ({
    expect,
  }) => {
    const [agent, endpoint] = [await world.agent(), await world.endpoint()]
    const requestId = randomUUID()
    const ask = () => world.pay(agent, endpoint, { requestId })
    const lost = { match: 'settle_x402_payment', when: 'after', effect: { kind: 'drop' } } as const
    world.payos.postgrest.faults.add(lost)
    const failure = await ask()

    const { answer, fault } = await explain(world, failure, ask)
    const another = await explain(world, failure, () => world.pay(agent, endpoint))
    const denied = await explain(world, failure, () =>
      world.pay(agent, endpoint, { requestId, body: { method: 'POST' } }),
    )

    expect([failure.body.code, answer.status]).toEqual(['outcome_unknown', 200])
    expect(answer.body.paymentId).toBe(failure.body.payment_id)
    expect([fault, another.fault, denied.fault]).toEqual([
      undefined,
      expect.stringContaining('another was answered'),
      expect.stringContaining('is declined, and made'),
    ])
  })
})
