import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, it } from 'vitest'
import { type QstashStandIn, startQstash } from '../../local/stand-ins/qstash/index.ts'
import {
  type Destination,
  type QstashUnderTest,
  startDestination,
  underTest,
} from '../support/qstash.ts'

let directory: string
let file: string
let standIn: QstashStandIn
let destination: Destination
let client: QstashUnderTest['client']
let call: QstashUnderTest['call']

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'payos-qstash-'))
  file = join(directory, 'qstash.jsonl')
  destination = await startDestination()
  await start()
})

afterEach(async () => {
  await standIn.stop()
  await destination.stop()
  await rm(directory, { recursive: true })
})

async function start() {
  standIn = await startQstash({ persistTo: file })
  ;({ client, call } = underTest(standIn))
}

async function restart() {
  await standIn.stop()
  await start()
}

const to = (path: string) => `${destination.url}${path}`

const ids = () => destination.received.map(({ headers }) => headers['upstash-message-id'])

it('what was accepted before a restart is delivered after it', async ({ expect }) => {
  const { messageId } = await client.publish({ url: to('/later'), body: 'né', delay: '1h' })
  const { messageId: cancelled } = await client.publish({ url: to('/later'), delay: '1h' })
  await client.messages.cancel(cancelled)
  await restart()
  standIn.clock.advance(3_600_000)
  await standIn.settle()
  expect(ids()).toEqual([messageId])
  expect(destination.received[0]?.body.toString()).toBe('né')
})

it('what was under way at a restart is delivered again as the same attempt', async ({ expect }) => {
  destination.reply('/cut', (_, nth) => (nth === 1 ? new Promise(() => {}) : { status: 200 }))
  const { messageId } = await client.publish({ url: to('/cut') })
  await destination.arrivals('/cut', 1)
  await restart()
  await standIn.settle()
  expect(ids()).toEqual([messageId, messageId])
  expect(destination.at('/cut')[1]?.headers['upstash-retried']).toBe('0')
})

it('what was delivered before a restart is not delivered after it', async ({ expect }) => {
  await client.publish({ url: to('/done') })
  await standIn.settle()
  await restart()
  await standIn.settle()
  expect(ids()).toHaveLength(1)
})

it('deduplication, dead letters, schedules and keys outlive a restart', async ({ expect }) => {
  const message = { url: to('/dedup'), deduplicationId: 'kept' }
  const schedule = { scheduleId: 'kept', destination: to('/tick'), cron: '0 0 1 1 *' }
  destination.reply('/down', () => ({ status: 500 }))
  await client.publish(message)
  await client.publish({ url: to('/down'), retries: 0 })
  await client.schedules.create(schedule)
  await standIn.settle()
  const keys = await (await call('POST', '/v2/keys/rotate')).json()
  await restart()
  const { messages } = await client.dlq.listMessages()
  expect(await client.publish(message)).toMatchObject({ deduplicated: true })
  expect(messages).toMatchObject([{ url: to('/down'), responseStatus: 500 }])
  expect(await client.schedules.list()).toMatchObject([schedule])
  expect(await (await call('GET', '/v2/keys')).json()).toEqual(keys)
})

it('a last line that a crash cut short is left out', async ({ expect }) => {
  await client.publish({ url: to('/whole'), delay: '1h' })
  await standIn.stop()
  await appendFile(file, '{"table":"messages","key":"msg_torn","va')
  await start()
  expect(await readFile(file, 'utf8')).not.toContain('msg_torn')
  expect(await client.messages.cancel({ all: true })).toMatchObject({ cancelled: 1 })
})
