import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { waitedFor } from '../support/trips.ts'
import { openWorld, type World } from '../support/world.ts'

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
    await repeat()
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
