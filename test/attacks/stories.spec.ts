import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, it } from 'vitest'
import { makeProofKey } from '../../local/secrets.ts'
import { openWorld, type World } from '../support/world.ts'

let world: World

beforeAll(async () => {
  world = await openWorld({ locations: ['lima', 'oslo'] })
})
afterEach(async ({ expect }) => {
  expect(await world.imbalances()).toEqual([])
})
afterAll(() => world.close())

describe('T24: an edge that dies between the payment and its answer', () => {
  it('has charged once, and another edge gives the same payment', async ({ expect }) => {
    const [agent, endpoint] = [await world.agent({ funds: '5000' }), await world.endpoint()]
    const requestId = randomUUID()
    const { faults } = world.payos.postgrest
    faults.add({ match: 'settle_x402_payment', when: 'after', effect: { kind: 'hang' } })
    const lost = world.pay(agent, endpoint, { requestId }).catch(() => undefined)
    while ((await world.paymentsOf(agent)).length === 0) {
      await new Promise((resolve) => setTimeout(resolve, 10))
    }

    await world.payos.edges.restart()
    faults.clear()
    const repeats = [0, 1, 0].map((edge) => world.pay(agent, endpoint, { requestId, edge }))
    const answers = await Promise.all(repeats)

    const [payment] = await world.paymentsOf(agent)
    for (const { status, body, headers } of answers) {
      expect([status, body.paymentId, body.replayed]).toEqual([200, payment?.id, true])
      expect(headers.get('idempotency-replayed')).toBe('true')
      expect((await world.verify({ proof: body.proof })).body.valid).toBe(true)
    }
    expect(await world.balanceOf(agent)).toBe('4000')
    await lost
  })
})

describe("T44: a day's limit", () => {
  it('holds over two edges, their restart and an emptied Redis', async ({ expect }) => {
    const agent = await world.agent({ dayMax: '3500' })
    const endpoint = await world.endpoint()
    const seen: string[] = []
    for (const round of [0, 1, 2]) {
      const answers = await Promise.all(
        [0, 1, 0, 1].map((edge) => world.pay(agent, endpoint, { edge })),
      )
      seen.push(...answers.map(({ body }) => body.rule ?? body.code ?? 'paid'))
      if (round === 0) await world.payos.edges.restart()
      if (round === 1) await world.payos.redis.reset()
    }

    expect(seen.filter((it) => it === 'paid')).toHaveLength(3)
    expect(seen.filter((it) => it === 'day_max')).toHaveLength(9)
    expect(await world.paymentsOf(agent)).toHaveLength(3)
  })
})

describe('T34: totals', () => {
  it('are the sum of every payment, however many came at once', async ({ expect }) => {
    const endpoint = await world.endpoint({ price: '7' })
    const agents = await Promise.all([world.agent(), world.agent(), world.agent()])
    const paying = Array.from({ length: 60 }, (_, at) => {
      const agent = agents[at % 3]
      if (!agent) throw new Error('there are three agents')
      return world.pay(agent, endpoint, { edge: at % 2 })
    })
    const folding = [0, 1].map((at) => world.payos.edges.edges[at]?.dispatchScheduled('* * * * *'))
    await Promise.all([...paying, ...folding])
    await world.payos.edges.edges[0]?.dispatchScheduled('* * * * *')

    const { sql } = world.database
    const [stats] = await sql`
      select sum(payments)::int as payments, sum(volume)::int as volume
      from ledger.endpoint_stats where endpoint_id = ${endpoint.id}`
    expect(stats).toEqual({ payments: 60, volume: 420 })
  })
})

describe('T12: a rotation under load', () => {
  it('refuses no proof it gave, from the announcement to the end of the old key', async ({
    expect,
  }) => {
    const [agent, endpoint] = [await world.agent(), await world.endpoint()]
    const [old] = JSON.parse(world.payos.secrets.proofKeys)
    const now = Math.floor(world.payos.clock.now() / 1000)
    const next = { ...(await makeProofKey(now)), publishAt: now, activeAt: now + 600 }
    const keys = [{ ...old, retireAt: now + 600 }, next]
    await world.payos.edges.setBindings({ PROOF_KEYS: JSON.stringify(keys) })

    const kids = new Set<string>()
    for (const seconds of [0, 300, 299, 1, 1, 60, 59]) {
      await world.advance(seconds * 1000)
      const paid = await Promise.all([0, 1].map((edge) => world.pay(agent, endpoint, { edge })))
      for (const { status, body } of paid) {
        expect(status).toBe(200)
        kids.add(JSON.parse(`${Buffer.from(body.proof.split('.')[0], 'base64url')}`).kid)
        const checked = [0, 1].map((edge) => world.verify({ proof: body.proof }, { edge }))
        for (const { body: verdict } of await Promise.all(checked)) {
          expect(verdict.reason).toBeUndefined()
        }
      }
    }
    expect(kids).toEqual(new Set([old.kid, next.kid]))
  })
})
