import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, it } from 'vitest'
import type { Postgres } from '../local/postgres.ts'
import type { Answer } from './support/http.ts'
import { openOwnPostgres } from './support/own-postgres.ts'
import { openWorld, type World } from './support/world.ts'

let postgres: Postgres
let world: World

beforeAll(async () => {
  const own = await openOwnPostgres('crash')
  postgres = own.postgres
  world = await openWorld({ locations: ['lima', 'oslo'] }, own.database)
})
afterAll(() => world.close())

describe('when Postgres is killed under load', () => {
  it('has every payment that was answered 200, exactly once, and the books balance', async ({
    expect,
  }) => {
    const agents = await Promise.all(Array.from({ length: 4 }, () => world.agent()))
    const endpoint = await world.endpoint()
    const answered = new Map<string, Answer>()
    const seen = new Set<string>()
    const until = performance.now() + 4_000
    const clients = agents.flatMap((agent) =>
      [0, 1].map(async (edge) => {
        while (performance.now() < until) {
          const requestId = randomUUID()
          const answer = await world.pay(agent, endpoint, { requestId, edge })
          seen.add(`${answer.status} ${answer.body.code ?? 'paid'}`)
          if (answer.status === 200) answered.set(answer.body.paymentId, answer)
        }
      }),
    )

    await new Promise((resolve) => setTimeout(resolve, 1_000))
    await postgres.kill()
    const whenDown = await world.pay(agents[0] ?? never(), endpoint)
    await postgres.restart()
    await Promise.all(clients)

    expect(answered.size).toBeGreaterThan(20)
    const stored = (await Promise.all(agents.map((agent) => world.paymentsOf(agent)))).flat()
    const ids = new Set(stored.map(({ id }) => id))
    expect([...answered.keys()].filter((id) => !ids.has(id))).toEqual([])
    expect(ids.size).toBe(stored.length)
    expect(await world.imbalances()).toEqual([])
    expect([503, 504]).toContain(whenDown.status)
    expect(whenDown.headers.get('retry-after')).toBe('1')
    expect(whenDown.text).not.toContain('"proof"')
    const allowed = /^(200 paid|503 dependency_unavailable|504 outcome_unknown)$/
    expect([...seen].filter((outcome) => !allowed.test(outcome))).toEqual([])
  })

  it('pays again once Postgres is back, without a restart of the edge', async ({ expect }) => {
    const [agent, endpoint] = [await world.agent(), await world.endpoint()]

    const paid = await world.pay(agent, endpoint)

    expect(paid.status).toBe(200)
  })
})

const never = (): never => {
  throw new Error('there is an agent')
}
