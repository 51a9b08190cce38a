import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, it } from 'vitest'
import type { Postgres } from '../local/postgres.ts'
import { findRealServer, startRealServer } from './contracts/redis/real-server.ts'
import { openOwnPostgres } from './support/own-postgres.ts'
import { orderQstash, runClock, until } from './support/promises.ts'
import { Storm } from './support/storm.ts'
import { type Agent, openWorld, type World } from './support/world.ts'

/** `STORM_SECONDS=600 npm test -- async-storm` weathers ten minutes. */
const SECONDS = Number(process.env['STORM_SECONDS'] ?? 60)

const FUNDS = 1_000_000_000n

const found = process.env['REDIS_URL'] ? undefined : findRealServer()
const kind = process.env['REDIS_URL'] ?? found?.version.slice(0, 20) ?? 'the stand-in'

let postgres: Postgres
let world: World
let agents: Agent[]
let storm: Storm
let stopRedis = async () => {}

let promisedWhileDown = 0

/** What the storm came to; printed, so that each run leaves its figures. */
const story: Record<string, unknown> = {}

beforeAll(async () => {
  const own = await openOwnPostgres('storm')
  postgres = own.postgres
  const server = found && (await startRealServer(found))
  stopRedis = server?.stop ?? stopRedis
  const redisUrl = process.env['REDIS_URL'] ?? server?.url
  const locations = ['lima', 'oslo', 'tokyo']
  world = await openWorld({ locations, ...(redisUrl && { redisUrl }) }, own.database)
  agents = await Promise.all(Array.from({ length: 4 }, () => world.agent({ funds: `${FUNDS}` })))
  for (const { walletId } of agents) {
    await world.operate('put_x402_settlement', [walletId, 'async'])
  }
  storm = new Storm(world, [await world.endpoint(), await world.endpoint({ price: '70' })])
})
afterAll(async () => {
  await world?.close()
  await stopRedis()
})

const cron = (edge: number) => runClock(world, edge).catch(() => undefined)

const promises = () => [...storm.paid.values()].filter(({ isPromised }) => isPromised)

/** What goes wrong, and when, in hundredths of the storm. */
const weather: [number, () => Promise<unknown> | unknown][] = [
  [10, () => world.payos.redis.reset()],
  [20, () => roomToPromise().then(() => outage())],
  // Messages are taken and not delivered, so that records wait, and then are gone.
  [35, () => orderQstash(world, 'pause', { publishes: 'accept' })],
  [45, () => world.payos.redis.reset()],
  [50, () => orderQstash(world, 'resume')],
  [55, () => orderQstash(world, 'pause', { publishes: 'refuse' })],
  [60, () => cron(1)],
  [65, () => orderQstash(world, 'resume')],
  // What was promised meanwhile is gone when Postgres is back.
  [75, () => outage(() => world.payos.redis.reset())],
  [95, () => world.payos.redis.reset()],
]

/** Resolves once a young lease is larger than the first that a wallet gets: load takes it there. */
const roomToPromise = () =>
  until(async () => {
    const rows = await world.database.sql`
      select from ledger.leases
      where spend_limit >= 50000 and granted_at > ledger.clock() - interval '10 seconds'`
    return rows.length > 0
  }).catch(() => undefined)

/** Has Postgres killed for a tenth of the storm; does something before it is back. */
async function outage(beforeItEnds: () => Promise<void> | void = () => {}) {
  await postgres.kill()
  const before = promises().length
  await pause(SECONDS * 100)
  promisedWhileDown += promises().length - before
  await beforeItEnds()
  await postgres.restart()
}

async function weatherIt(): Promise<void> {
  const began = performance.now()
  for (const [at, happen] of weather) {
    await pause(Math.max(0, SECONDS * 10 * at - (performance.now() - began)))
    await happen()
  }
  await pause(Math.max(0, SECONDS * 1_000 - (performance.now() - began)))
}

describe(`async settlement, ${SECONDS} s at three edges over ${kind}`, () => {
  it(
    'pays on while Postgres is killed, Redis flushed, QStash stopped, messages doubled',
    async ({ expect }) => {
      const over = new AbortController()
      await orderQstash(world, 'duplicate', { match: '/internal/', times: 1, messages: 0 })
      const clients = agents.flatMap((agent) =>
        [0, 1, 2].map((edge) => storm.pay(agent, edge, over)),
      )
      const presenting = storm.present(over)

      await weatherIt()
      over.abort()
      await Promise.all([...clients, presenting])

      story['answers'] = Object.fromEntries(storm.outcomes)
      const allowed = /^(200 (held|settled)|503 dependency_unavailable|504 outcome_unknown)$/
      expect([...storm.outcomes.keys()].filter((outcome) => !allowed.test(outcome))).toEqual([])
      expect(promises().length).toBeGreaterThan(SECONDS)
      story['promised while Postgres was down'] = promisedWhileDown
      expect(promisedWhileDown).toBeGreaterThan(0)
    },
    600_000 + SECONDS * 1_000,
  )

  it('has every promise settle by itself or when its proof is presented', async ({ expect }) => {
    await cron(0)
    await world.payos.qstash.settle()
    await cron(0)
    await storm.presentOnce(Number.POSITIVE_INFINITY)

    story['promised'] = promises().length
    story['presented'] = storm.presented.size
    expect(storm.refused).toEqual([])
    expect(storm.presented.size).toBeGreaterThan(0)
    expect(storm.presented.size).toBeLessThan(promises().length)
  })

  it('has exactly one payment for each answered request, and none that nobody sent', async ({
    expect,
  }) => {
    const stored = (await Promise.all(agents.map((agent) => world.paymentsOf(agent)))).flat()
    const byRequest = new Map(stored.map(({ id, request_id: request }) => [request, id]))

    story['settled'] = stored.length
    expect(byRequest.size).toBe(stored.length)
    expect(stored.filter(({ request_id: request }) => !storm.sent.has(request))).toEqual([])
    const astray = [...storm.paid.values()].filter(
      ({ requestId, paymentId }) => byRequest.get(requestId) !== paymentId,
    )
    expect(astray.map(({ paymentId }) => paymentId)).toEqual([])
  })

  it('gives all escrow back that was not spent, and the books balance', async ({ expect }) => {
    const { sql } = world.database
    await world.advance(220_000)
    await cron(0)
    await world.advance(60_000)
    await cron(0)

    const states = await sql`select state, count(*)::int from ledger.leases group by 1`
    story['leases'] = Object.fromEntries(states.map((row) => [row['state'], row['count']]))
    expect(Object.keys(story['leases'] as object)).toEqual(['reclaimed'])
    for (const agent of agents) {
      const paid = (await world.paymentsOf(agent)).reduce((sum, it) => sum + BigInt(it.amount), 0n)
      expect(await world.balanceOf(agent)).toBe(`${FUNDS - paid}`)
    }
    expect(await world.imbalances()).toEqual([])
    const [audit] = await sql`select api.audit_x402(true) as answer`
    story['counters'] = audit?.['answer'].counters
    expect(audit?.['answer'].violations).toEqual([])
    process.stdout.write(`${JSON.stringify(story)}\n`)
  })
})
