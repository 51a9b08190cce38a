import { afterAll, afterEach, beforeAll, describe, it } from 'vitest'
import {
  countSettled,
  openBorrower,
  orderQstash,
  payAsync,
  runClock,
  streamOf,
  until,
} from './support/promises.ts'
import { type Agent, type Endpoint, openWorld, type World } from './support/world.ts'

/** More than one call of a drain settles. */
const RECORDS = 4_500

let world: World
let endpoint: Endpoint

beforeAll(async () => {
  world = await openWorld()
  endpoint = await world.endpoint()
})
afterEach(async ({ expect }) => {
  await orderQstash(world, 'resume')
  expect(await world.imbalances()).toEqual([])
})
afterAll(() => world.close())

const waiting = async (stream: string) => Number(await world.payos.redis.command('XLEN', stream))

/** A promise nobody settled, whose record its stream holds again and again, as after restored snapshots. */
async function backlog(): Promise<{ agent: Agent; stream: string; paymentId: string }> {
  const { redis } = world.payos
  const agent = await openBorrower(world, { endpoint })
  const stream = streamOf(agent)
  await orderQstash(world, 'pause', { publishes: 'accept' })
  const paid = await payAsync(world, { agent, endpoint })
  const entries = (await redis.command('XRANGE', stream, '-', '+')) as [string, string[]][]
  const [, fields] = entries.at(-1) ?? ['', []]
  for (let at = 0; at < RECORDS; at++) await redis.command('XADD', stream, '*', ...fields)
  return { agent, stream, paymentId: paid.body.paymentId }
}

describe('a backlog longer than one call settles', () => {
  it('is settled by a single wake, each call of which asks for the next', async ({ expect }) => {
    const { agent, stream, paymentId } = await backlog()
    await orderQstash(world, 'resume')

    const next = await payAsync(world, { agent, endpoint })
    await until(async () => (await waiting(stream)) === 0)

    expect(await countSettled(world, [paymentId, next.body.paymentId])).toBe(2)
  })

  it('is settled by what the clock begins, whose calls ask for the next', async ({ expect }) => {
    const { stream, paymentId } = await backlog()
    await orderQstash(world, 'resume')

    await runClock(world)
    await until(async () => (await waiting(stream)) === 0)

    expect(await countSettled(world, [paymentId])).toBe(1)
  })

  it('is settled by the clock alone in as many minutes as it takes', async ({ expect }) => {
    const { stream, paymentId } = await backlog()

    await runClock(world)
    const left = await waiting(stream)
    await runClock(world)

    expect(left).toBeGreaterThan(0)
    expect(await waiting(stream)).toBe(0)
    expect(await countSettled(world, [paymentId])).toBe(1)
  })
})

describe('a promise whose wake came to nothing', () => {
  it('is settled by the next payment that meets it five seconds later', async ({ expect }) => {
    const agent = await openBorrower(world, { endpoint })
    await orderQstash(world, 'pause', { publishes: 'accept' })
    const promised = await payAsync(world, { agent, endpoint })
    await world.advance(6_000)

    const met = await payAsync(world, { agent, endpoint })
    const ids = [promised.body.paymentId, met.body.paymentId]
    await until(async () => (await countSettled(world, ids)) === 2)

    expect([promised.body.status, met.body.status]).toEqual(['held', 'held'])
  })

  it('is settled at once where nobody can be woken, with an alarm for what is no record', async ({
    expect,
  }) => {
    const agent = await openBorrower(world, { endpoint })
    await world.payos.redis.command('XADD', streamOf(agent), '*', 'record', 'no record at all')
    await orderQstash(world, 'pause', { publishes: 'refuse' })
    // Whoever was woken in this second is woken already.
    await world.advance(1_000)

    const promised = await payAsync(world, { agent, endpoint })
    await until(async () => (await countSettled(world, [promised.body.paymentId])) === 1)

    expect(world.payos.edges.logs().join('\n')).toContain('"alarm":"promises_set_aside"')
  })

  it('calls for people when two minutes have not settled it', async ({ expect }) => {
    const agent = await openBorrower(world, { endpoint })
    const undrained = { match: 'settle_x402_', times: 0, effect: { kind: 'drop' } } as const
    world.payos.postgrest.faults.add(undrained)
    await payAsync(world, { agent, endpoint })
    await expect(runClock(world)).rejects.toThrow('scheduled')
    const early = world.payos.edges.logs().join('\n')

    await world.advance(130_000)
    await expect(runClock(world)).rejects.toThrow('scheduled')
    const metrics = await world.get('/v1/metrics', { key: world.payos.secrets.metricsToken })
    world.payos.postgrest.faults.clear()
    await runClock(world)

    expect(early).not.toContain('"alarm":"promises_waiting"')
    expect(world.payos.edges.logs().join('\n')).toContain('"alarm":"promises_waiting"')
    expect(metrics.text).toMatch(/^payos_promises_waiting\{region="local"\} [1-9]/m)
    expect(metrics.text).toMatch(/^payos_promises_oldest_seconds\{region="local"\} 13\d$/m)
    expect(await waiting(streamOf(agent))).toBe(0)
  })
})
