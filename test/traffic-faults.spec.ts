import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { afterAll, afterEach, beforeAll, describe, it } from 'vitest'
import type { Answer } from './support/http.ts'
import {
  countSettled,
  openBorrower,
  orderQstash,
  payAsync,
  runClock,
  streamOf,
  until,
} from './support/promises.ts'
import { waitedFor } from './support/trips.ts'
import { type Agent, type Endpoint, openWorld, type World } from './support/world.ts'

let world: World
let endpoint: Endpoint

beforeAll(async () => {
  world = await openWorld({ locations: ['lima', 'oslo'] })
  endpoint = await world.endpoint()
})
afterEach(async ({ expect }) => {
  await orderQstash(world, 'resume')
  expect(await world.imbalances()).toEqual([])
})
afterAll(() => world.close())

const times = <Value>(count: number, make: (at: number) => Value) =>
  Array.from({ length: count }, (_, at) => make(at))

const isHeld = ({ body }: Answer) => body.status === 'held'

/** An agent whose lease is as large as a few seconds of much paying make it. */
async function busyBorrower(): Promise<Agent> {
  const agent = await openBorrower(world, { endpoint })
  const pay = () => payAsync(world, { agent, endpoint })
  await Promise.all(times(12, pay))
  await world.advance(3_000)
  await until(async () => isHeld(await pay()))
  return agent
}

describe('load that spikes on one wallet', () => {
  it('is answered from its lease, and settled in a few calls of the ledger', async ({ expect }) => {
    const agent = await busyBorrower()
    await orderQstash(world, 'pause', { publishes: 'accept' })
    const before = world.payos.postgrest.trips.length

    const paid = (
      await Promise.all(
        times(10, async (at) => {
          const answers: Answer[] = []
          for (const _ of times(12, () => 0)) {
            answers.push(await payAsync(world, { agent, endpoint, edge: at % 2 }))
          }
          return answers
        }),
      )
    ).flat()
    await runClock(world)

    expect(paid.filter(({ status }) => status !== 200)).toEqual([])
    const promised = paid.filter(isHeld)
    // On a busy machine Redis may be late for some, which the ledger then settles.
    expect(promised.length).toBeGreaterThan(60)
    expect(promised.flatMap(waitedFor)).toEqual(promised.map(() => 'redis'))
    expect(
      await countSettled(
        world,
        paid.map(({ body }) => body.paymentId),
      ),
    ).toBe(120)
    const batches = world.payos.postgrest.trips
      .slice(before)
      .filter(({ subject }) => subject.includes('settle_x402_batch'))
    expect(batches.length).toBeLessThan(5)
  })
})

/** Repeats one request until it is answered, whatever becomes of the edge meanwhile. */
async function payUntilAnswered(agent: Agent, edge: number): Promise<[string, string]> {
  const requestId = randomUUID()
  for (let tries = 0; tries < 100; tries++) {
    const asked = payAsync(world, { agent, endpoint, requestId, edge })
    const answer = await asked.catch(() => undefined)
    if (answer?.status === 200) return [requestId, answer.body.paymentId]
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error('nobody answered')
}

describe('a deployment under traffic', () => {
  it('of code and of a function loses no payment and makes none twice', async ({ expect }) => {
    const agents = await Promise.all(times(2, () => openBorrower(world, { endpoint })))
    const answered = new Map<string, string>()
    const over = new AbortController()
    const clients = agents.flatMap((agent) =>
      [0, 1].map(async (edge) => {
        while (!over.signal.aborted) {
          const [requestId, id] = await payUntilAnswered(agent, edge)
          answered.set(requestId, id)
        }
      }),
    )

    const enough = async (count: number) => {
      const target = answered.size + count
      await until(async () => answered.size >= target)
    }
    await enough(20)
    await world.payos.edges.restart()
    await enough(20)
    await world.database.sql.unsafe(await functionsAgain())
    await enough(20)
    over.abort()
    await Promise.all(clients)
    await runClock(world)

    const stored = (await Promise.all(agents.map((agent) => world.paymentsOf(agent)))).flat()
    const byRequest = new Map(stored.map(({ id, request_id: request }) => [request, id]))
    expect(byRequest.size).toBe(stored.length)
    expect([...answered].filter(([request, id]) => byRequest.get(request) !== id)).toEqual([])
    expect(answered.size).toBeGreaterThan(60)
  })

  it('leaves the record of another version whole, for who can read it, and delays none', async ({
    expect,
  }) => {
    const agent = await openBorrower(world, { endpoint })
    await orderQstash(world, 'pause', { publishes: 'accept' })
    const { redis } = world.payos
    const later = `2\n${randomUUID()}\nof a later version`
    await redis.command('XADD', streamOf(agent), '*', 'record', later)
    const paid = await payAsync(world, { agent, endpoint })

    await runClock(world)

    expect(await countSettled(world, [paid.body.paymentId])).toBe(1)
    const aside = await redis.command('XRANGE', 'payos:test:local:quarantine:all', '-', '+')
    expect(JSON.stringify(aside)).toContain(JSON.stringify(later).slice(1, -1))
  })
})

/** The functions that pay and settle, replaced as a migration replaces them. */
async function functionsAgain(): Promise<string> {
  const files = ['05_settle_function', '14_settle_batch']
  const texts = await Promise.all(
    files.map((name) => readFile(`supabase/migrations/202611200000${name}.sql`, 'utf8')),
  )
  const functions = texts.flatMap(
    (text) => text.match(/^create function (api|ledger)\.[\s\S]*?^\$\$;$/gm) ?? [],
  )
  return functions.map((it) => it.replace(/^create/, 'create or replace')).join('\n')
}
