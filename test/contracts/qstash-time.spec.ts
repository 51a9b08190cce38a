import { afterEach, beforeEach, describe, it } from 'vitest'
import { MovableClock } from '../../local/clock.ts'
import { type QstashStandIn, startQstash } from '../../local/stand-ins/qstash/index.ts'
import {
  type Destination,
  type QstashUnderTest,
  startDestination,
  underTest,
} from '../support/qstash.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

let clock: MovableClock
let standIn: QstashStandIn
let destination: Destination
let client: QstashUnderTest['client']
let call: QstashUnderTest['call']

beforeEach(async () => {
  clock = new MovableClock()
  standIn = await startQstash({ clock })
  destination = await startDestination()
  ;({ client, call } = underTest(standIn))
})

afterEach(async () => {
  await standIn.stop()
  await destination.stop()
})

const to = (path: string) => `${destination.url}${path}`

/** Moves the clock and waits until everything that became due has happened. */
async function advance(ms: number) {
  clock.advance(ms)
  await standIn.settle()
}

const paths = () => destination.received.map(({ target }) => target)

type Log = { state: string; time: number; nextDeliveryTime?: number; error?: string }

async function logsOf(messageId: string): Promise<Log[]> {
  const answer = await call('GET', `/v2/logs?order=earliestFirst&messageId=${messageId}`)
  return ((await answer.json()) as { logs: Log[] }).logs
}

/** Seconds from each failed attempt to the next. */
async function retrySeconds(messageId: string): Promise<number[]> {
  const logs = await logsOf(messageId)
  const retries = logs.filter(({ state }) => state === 'RETRY')
  return retries.map(({ time, nextDeliveryTime }) => ((nextDeliveryTime ?? 0) - time) / SECOND)
}

describe('a message', () => {
  it('with a delay waits for it, and no longer', async ({ expect }) => {
    await client.publish({ url: to('/delayed'), delay: '1h30m' as '1h' })
    await advance(90 * MINUTE - 5 * SECOND)
    expect(paths()).toEqual([])
    await advance(5 * SECOND)
    expect(paths()).toEqual(['/delayed'])
  })

  it('with a not-before waits for it, whatever its delay', async ({ expect }) => {
    const notBefore = Math.floor(clock.now() / SECOND) + 60
    await client.publish({ url: to('/at'), notBefore, delay: '5s' })
    await advance(50 * SECOND)
    expect(paths()).toEqual([])
    await advance(10 * SECOND)
    expect(paths()).toEqual(['/at'])
  })

  it('that is due by the time that passes needs nobody to move the clock', async ({ expect }) => {
    const published = performance.now()
    await client.publish({ url: to('/second'), delay: '1s' })
    await destination.arrivals('/second', 1)
    expect(performance.now() - published).toBeGreaterThan(990)
  })
})

describe('a jump of the clock', () => {
  it('delivers everything that became due, in the order of its time', async ({ expect }) => {
    await client.publish({ url: to('/third'), delay: '3m' })
    await client.publish({ url: to('/first'), delay: '1m' })
    await client.publish({ url: to('/not-yet'), delay: '2h' })
    await client.publish({ url: to('/second'), delay: '2m' })
    await advance(HOUR)
    expect(paths()).toEqual(['/first', '/second', '/third'])
  })

  it('runs the retries that fall into it, each at its own moment', async ({ expect }) => {
    destination.reply('/flaky', (_, nth) => ({ status: nth < 3 ? 500 : 200 }))
    const { messageId } = await client.publish({ url: to('/flaky'), delay: '1m' })
    await client.publish({ url: to('/between'), delay: '2m' })
    await advance(HOUR)
    const [created, ...logs] = await logsOf(messageId)
    const elapsed = logs.map(({ state, time }) => [
      state,
      Math.round((time - (created?.time ?? 0)) / SECOND),
    ])
    expect(paths()).toEqual(['/flaky', '/flaky', '/between', '/flaky'])
    expect(elapsed).toEqual([
      ['ACTIVE', 60],
      ['ERROR', 60],
      ['RETRY', 60],
      ['ACTIVE', 72],
      ['ERROR', 72],
      ['RETRY', 72],
      ['ACTIVE', 220],
      ['DELIVERED', 220],
    ])
  })
})

describe('retries', () => {
  it('follow e^(2.5 n) whole seconds, at most a day', async ({ expect }) => {
    destination.reply('/down', () => ({ status: 500 }))
    const { messageId } = await client.publish({ url: to('/down'), retries: 6 })
    await advance(96 * HOUR)
    expect(await retrySeconds(messageId)).toEqual([12, 148, 1808, 22_026, 86_400, 86_400])
    expect(destination.at('/down').map(({ headers }) => headers['upstash-retried'])).toEqual([
      ...['0', '1', '2', '3', '4', '5', '6'],
    ])
  })

  it('are three unless the message says otherwise', async ({ expect }) => {
    destination.reply('/down', () => ({ status: 500 }))
    await client.publish({ url: to('/down') })
    await advance(96 * HOUR)
    expect(destination.at('/down')).toHaveLength(4)
  })

  it('are spent on a destination that cannot be connected to as well', async ({ expect }) => {
    const gone = await startDestination()
    await gone.stop()
    const { messageId } = await client.publish({ url: gone.url, retries: 1 })
    await advance(HOUR)
    const logs = await logsOf(messageId)
    expect(logs.map(({ state }) => state)).toEqual([
      ...['CREATED', 'ACTIVE', 'ERROR', 'RETRY', 'ACTIVE', 'ERROR', 'FAILED'],
    ])
    expect(logs.at(-1)?.error).toContain('ECONNREFUSED')
  })

  it('follow the message’s own expression', async ({ expect }) => {
    destination.reply('/down', () => ({ status: 500 }))
    const retryDelay = 'max(1000, pow(2, retried) * 500)'
    const { messageId } = await client.publish({ url: to('/down'), retries: 4, retryDelay })
    await advance(HOUR)
    expect(await retrySeconds(messageId)).toEqual([1, 1, 2, 4])
  })

  it.for([
    ['Retry-After', '30', 30],
    ['Retry-After', '6m5s', 365],
    ['Retry-After', '86401', 12],
    ['X-RateLimit-Reset', '45', 45],
    ['X-RateLimit-Reset-Requests', '1.5s', 1.5],
    ['X-RateLimit-Reset-Tokens', '250ms', 0.25],
  ] as const)('obey %s: %s with %d seconds', async ([name, value, seconds], { expect }) => {
    destination.reply('/busy', () => ({ status: 429, headers: { [name]: value } }))
    const { messageId } = await client.publish({ url: to('/busy'), retries: 1 })
    await advance(HOUR)
    expect(await retrySeconds(messageId)).toEqual([seconds])
  })

  it('obey a Retry-After that is a date', async ({ expect }) => {
    const date = new Date(clock.now() + 2 * MINUTE).toUTCString()
    destination.reply('/busy', () => ({ status: 503, headers: { 'retry-after': date } }))
    const { messageId } = await client.publish({ url: to('/busy'), retries: 1 })
    await standIn.settle()
    const [seconds] = await retrySeconds(messageId)
    expect(seconds).toBeGreaterThan(118)
    expect(seconds).toBeLessThanOrEqual(120)
  })
})

it('an answer that is not there within the timeout is a failure', async ({ expect }) => {
  destination.reply('/hangs', (_, nth) => (nth === 1 ? new Promise(() => {}) : { status: 200 }))
  const { messageId } = await client.publish({ url: to('/hangs'), timeout: '10s' })
  await destination.arrivals('/hangs', 1)
  await advance(HOUR)
  const logs = await logsOf(messageId)
  expect(logs.map(({ state }) => state)).toEqual([
    ...['CREATED', 'ACTIVE', 'ERROR', 'RETRY', 'ACTIVE', 'DELIVERED'],
  ])
  expect(logs[2]?.error).toBe('no answer within 10000 ms')
  expect(Math.round(((logs[2]?.time ?? 0) - (logs[1]?.time ?? 0)) / SECOND)).toBe(10)
})

it('a deduplication id is free again after ten minutes', async ({ expect }) => {
  const message = { url: to('/dedup'), deduplicationId: 'shard-1' }
  const first = await client.publish(message)
  await advance(10 * MINUTE - 5 * SECOND)
  const repeated = await client.publish(message)
  await advance(5 * SECOND)
  const renewed = await client.publish(message)
  expect(repeated).toEqual({ messageId: first.messageId, deduplicated: true })
  expect(renewed.messageId).not.toBe(first.messageId)
})

it('flow control lets a rate through per period', async ({ expect }) => {
  const flowControl = { key: 'slow', rate: 2, period: '1m' as const }
  for (const n of [1, 2, 3, 4, 5]) await client.publish({ url: to(`/rate/${n}`), flowControl })
  await standIn.settle()
  const seen = [paths().length]
  for (const ms of [50 * SECOND, 10 * SECOND, MINUTE]) {
    await advance(ms)
    seen.push(paths().length)
  }
  expect(seen).toEqual([2, 2, 4, 5])
})

describe('a schedule', () => {
  it('publishes once in every minute its cron expression names', async ({ expect }) => {
    const { scheduleId } = await client.schedules.create({
      destination: to('/tick'),
      cron: '*/10 * * * *',
      body: 'tick',
    })
    await advance(HOUR)
    expect(destination.at('/tick')).toHaveLength(6)
    expect(destination.at('/tick')[0]?.headers['upstash-schedule-id']).toBe(scheduleId)
  })

  it('lets its minutes pass while paused, and publishes nothing once deleted', async ({
    expect,
  }) => {
    const schedule = await client.schedules.create({ destination: to('/tick'), cron: '* * * * *' })
    await client.schedules.pause({ schedule: schedule.scheduleId })
    await advance(10 * MINUTE)
    await client.schedules.resume({ schedule: schedule.scheduleId })
    await advance(2 * MINUTE)
    await client.schedules.delete(schedule.scheduleId)
    await advance(10 * MINUTE)
    expect(destination.at('/tick')).toHaveLength(2)
  })
})
