import { afterAll, beforeAll, describe, it } from 'vitest'
import {
  type Destination,
  openQstash,
  type QstashUnderTest,
  type Reply,
  startDestination,
} from '../support/qstash.ts'

let qstash: QstashUnderTest
let destination: Destination

beforeAll(async () => {
  destination = await startDestination()
  qstash = await openQstash()
})

afterAll(async () => {
  await qstash.stop()
  await destination.stop()
})

const to = (path: string) => `${destination.url}${path}`

const unique = (name: string) => `${name}-${crypto.randomUUID()}`

const bodiesAt = (path: string) => destination.at(path).map(({ body }) => body.toString())

/** Resolves when a message published last has arrived: what was due before it had its chance. */
async function chanceForAll() {
  const path = `/${unique('last')}`
  await qstash.client.publish({ url: to(path) })
  await destination.arrivals(path, 1)
}

/** Answers requests under a path only when told to. */
function heldReplies(path: string) {
  const held: ((reply: Reply) => void)[] = []
  destination.reply(path, () => new Promise<Reply>((resolve) => held.push(resolve)))
  return { release: (reply: Reply = { status: 200 }) => held.shift()?.(reply) }
}

describe('a queue', () => {
  it('delivers in order, one after the other', async ({ expect }) => {
    const { release } = heldReplies('/fifo')
    const queue = qstash.client.queue({ queueName: unique('fifo') })
    for (const n of [1, 2, 3]) await queue.enqueueJSON({ url: to('/fifo'), body: n })
    const seen: string[][] = []
    for (const n of [1, 2, 3]) {
      await destination.arrivals('/fifo', n)
      await chanceForAll()
      seen.push(bodiesAt('/fifo'))
      release()
    }
    expect(seen).toEqual([['1'], ['1', '2'], ['1', '2', '3']])
  })

  it('waits behind the retries and the callback of its first message', async ({ expect }) => {
    const reply = (status: number) => ({ status, headers: { 'retry-after': '0' } })
    destination.reply('/blocked', (_, nth) => reply(nth === 1 ? 500 : 200))
    const { release } = heldReplies('/blocked-told')
    const queue = qstash.client.queue({ queueName: unique('blocked') })
    const callback = to('/blocked-told')
    await queue.enqueue({ url: to('/blocked'), body: 'first', callback })
    await queue.enqueue({ url: to('/blocked'), body: 'second' })
    await destination.arrivals('/blocked-told', 2)
    await chanceForAll()
    expect(bodiesAt('/blocked')).toEqual(['first', 'first'])
    release()
    release()
    await destination.arrivals('/blocked', 3)
    expect(bodiesAt('/blocked')).toEqual(['first', 'first', 'second'])
  })

  it('delivers side by side up to its parallelism', async ({ expect }) => {
    const { release } = heldReplies('/wide')
    const queue = qstash.client.queue({ queueName: unique('wide') })
    await queue.upsert({ parallelism: 2 })
    for (const body of ['1', '2', '3']) await queue.enqueue({ url: to('/wide'), body })
    await destination.arrivals('/wide', 2)
    await chanceForAll()
    expect(destination.at('/wide')).toHaveLength(2)
    expect(await queue.get()).toMatchObject({ parallelism: 2, lag: 3, paused: false })
    release()
    await destination.arrivals('/wide', 3)
    release()
    release()
  })

  it('keeps its messages while paused', async ({ expect }) => {
    const queue = qstash.client.queue({ queueName: unique('paused') })
    await queue.upsert({ parallelism: 1, paused: true })
    await queue.enqueue({ url: to('/paused') })
    await chanceForAll()
    expect(await queue.get()).toMatchObject({ paused: true, lag: 1 })
    expect(destination.at('/paused')).toEqual([])
    await queue.resume()
    await destination.arrivals('/paused', 1)
  })

  it('is listed until it is deleted', async ({ expect }) => {
    const queueName = unique('listed')
    const queue = qstash.client.queue({ queueName })
    await queue.upsert({ parallelism: 1 })
    expect(await queue.list()).toContainEqual(expect.objectContaining({ name: queueName }))
    await queue.delete()
    await expect(queue.get()).rejects.toMatchObject({ status: 404 })
  })
})

describe('flow control', () => {
  it('keeps a key within its parallelism, whatever the destination', async ({ expect }) => {
    const { release } = heldReplies('/narrow')
    const flowControl = { key: unique('narrow'), parallelism: 1 }
    await qstash.client.publish({ url: to('/narrow'), flowControl })
    await destination.arrivals('/narrow', 1)
    await qstash.client.publish({ url: to('/narrow-other'), flowControl })
    await chanceForAll()
    expect(await qstash.client.flowControl.get(flowControl.key)).toMatchObject({
      flowControlKey: flowControl.key,
      parallelismMax: 1,
      parallelismCount: 1,
      waitListSize: 1,
    })
    expect(destination.at('/narrow-other')).toEqual([])
    release()
    await destination.arrivals('/narrow-other', 1)
  })

  it('keeps the messages of a paused key', async ({ expect }) => {
    const flowControl = { key: unique('stopped'), parallelism: 5 }
    await qstash.client.flowControl.pause(flowControl.key)
    await qstash.client.publish({ url: to('/stopped'), flowControl })
    await chanceForAll()
    const { isPaused } = await qstash.client.flowControl.get(flowControl.key)
    expect(isPaused).toBe(true)
    expect(destination.at('/stopped')).toEqual([])
    await qstash.client.flowControl.resume(flowControl.key)
    await destination.arrivals('/stopped', 1)
  })
})

describe('a message that is not yet due', () => {
  const delayed = (label: string) =>
    qstash.client.publish({ url: to('/cancelled'), delay: '1h', body: 'later', label })

  it('can be read', async ({ expect }) => {
    const { messageId } = await delayed(unique('read'))
    const message = await qstash.client.messages.get(messageId)
    expect(message).toMatchObject({ messageId, url: to('/cancelled'), body: 'later' })
    expect((message.notBefore ?? 0) - message.createdAt).toBe(3_600_000)
  })

  it('is gone once cancelled', async ({ expect }) => {
    const { messageId } = await delayed(unique('cancel'))
    expect(await qstash.client.messages.cancel(messageId)).toMatchObject({ cancelled: 1 })
    await expect(qstash.client.messages.get(messageId)).rejects.toMatchObject({ status: 404 })
    await expect(qstash.client.messages.cancel(messageId)).rejects.toMatchObject({ status: 404 })
  })

  it('is cancelled in bulk by ids and by label', async ({ expect }) => {
    const label = unique('bulk')
    const { messageId: first } = await delayed(label)
    const { messageId: second } = await delayed(label)
    await delayed(label)
    expect(await qstash.client.messages.cancel([first, second])).toMatchObject({ cancelled: 2 })
    expect(await qstash.client.messages.cancel({ filter: { label } })).toMatchObject({
      cancelled: 1,
    })
  })
})

it('a message cancelled while under way is not attempted again', async ({ expect }) => {
  const { release } = heldReplies('/cut-off')
  const { messageId } = await qstash.client.publish({ url: to('/cut-off') })
  await destination.arrivals('/cut-off', 1)
  await qstash.client.messages.cancel(messageId)
  release({ status: 500, headers: { 'retry-after': '0' } })
  await expect
    .poll(async () => (await qstash.call('GET', `/v2/messages/${messageId}`)).status)
    .toBe(404)
  expect(destination.at('/cut-off')).toHaveLength(1)
})

describe('a schedule', () => {
  it('is created, read, replaced under its id, listed and deleted', async ({ expect }) => {
    const scheduleId = unique('schedule')
    const schedule = { scheduleId, destination: to('/scheduled'), body: '{"n":1}' }
    expect(await qstash.client.schedules.create({ ...schedule, cron: '0 0 1 1 *' })).toEqual({
      scheduleId,
    })
    await qstash.client.schedules.create({ ...schedule, cron: '0 0 2 1 *' })
    const listed = await qstash.client.schedules.list()
    expect(await qstash.client.schedules.get(scheduleId)).toMatchObject({
      cron: '0 0 2 1 *',
      destination: schedule.destination,
      isPaused: false,
    })
    expect(listed.filter((it) => it.scheduleId === scheduleId)).toHaveLength(1)
    await qstash.client.schedules.delete(scheduleId)
    await expect(qstash.client.schedules.get(scheduleId)).rejects.toMatchObject({ status: 404 })
  })

  it('is refused with a cron expression that is none', async ({ expect }) => {
    const creation = qstash.client.schedules.create({ destination: to('/never'), cron: '61 * * *' })
    await expect(creation).rejects.toMatchObject({ status: 400 })
  })
})
