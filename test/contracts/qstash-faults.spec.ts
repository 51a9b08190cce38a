import { afterEach, beforeEach, describe, it } from 'vitest'
import { type QstashStandIn, startQstash } from '../../local/stand-ins/qstash/index.ts'
import {
  type Destination,
  type QstashUnderTest,
  startDestination,
  underTest,
} from '../support/qstash.ts'

let standIn: QstashStandIn
let destination: Destination
let client: QstashUnderTest['client']
let call: QstashUnderTest['call']

beforeEach(async () => {
  destination = await startDestination()
  standIn = await startQstash()
  ;({ client, call } = underTest(standIn))
})

afterEach(async () => {
  await standIn.stop()
  await destination.stop()
})

const to = (path: string) => `${destination.url}${path}`

const order = (name: string, body: Record<string, unknown> = {}) =>
  fetch(`${standIn.url}/__control/${name}`, { method: 'POST', body: JSON.stringify(body) })

const ids = () => destination.received.map(({ headers }) => headers['upstash-message-id'])

const bodies = () => destination.received.map(({ body }) => body.toString())

describe('a delivery', () => {
  it('is doubled on order, with its id and a new signature', async ({ expect }) => {
    await order('duplicate', { match: '/twice', times: 2 })
    await client.publish({ url: to('/once'), body: 'other' })
    const { messageId } = await client.publish({ url: to('/twice'), body: 'same' })
    await order('settle')
    const doubled = destination.at('/twice')
    expect(doubled.map(({ headers }) => headers['upstash-message-id'])).toEqual([
      ...[messageId, messageId, messageId],
    ])
    expect(new Set(doubled.map(({ headers }) => headers['upstash-signature'])).size).toBe(3)
    expect(destination.at('/once')).toHaveLength(1)
  })

  it('is reordered on order: the next ones wait and come in reverse', async ({ expect }) => {
    await order('reorder', { match: '/shuffled', count: 3 })
    for (const body of ['1', '2']) await client.publish({ url: to('/shuffled'), body })
    await client.publish({ url: to('/aside'), body: 'aside' })
    await order('settle')
    expect(bodies()).toEqual(['aside'])
    for (const body of ['3', '4']) await client.publish({ url: to('/shuffled'), body })
    await order('settle')
    expect(bodies().filter((body) => body !== '4')).toEqual(['aside', '3', '2', '1'])
    expect(bodies()).toContain('4')
  })

  it('whose answer is lost on order comes again', async ({ expect }) => {
    await order('lose-delivery-answer', { match: '/work' })
    const retryDelay = '0'
    const { messageId } = await client.publish({ url: to('/work'), body: 'done', retryDelay })
    await destination.arrivals('/work', 2)
    await order('settle')
    const { logs } = await client.logs({ filter: { messageId, state: 'ERROR' } })
    expect(bodies()).toEqual(['done', 'done'])
    expect(logs).toMatchObject([{ error: 'the connection was lost before the answer' }])
  })
})

describe('a publish', () => {
  it('is accepted though its answer is lost, and repeated once more without an id', async ({
    expect,
  }) => {
    standIn.faults.add({ match: '/v2/publish', when: 'after', effect: { kind: 'drop' } })
    await expect(client.publish({ url: to('/lost'), body: 'first' })).rejects.toThrow()
    await client.publish({ url: to('/lost'), body: 'again' })
    await order('settle')
    expect(bodies().toSorted()).toEqual(['again', 'first'])
  })

  it('whose answer is lost is deduplicated by its id when repeated', async ({ expect }) => {
    const message = { url: to('/lost'), deduplicationId: 'shard-1:17' }
    standIn.faults.add({ match: '/lost', when: 'after', effect: { kind: 'drop' } })
    await expect(client.publish(message)).rejects.toThrow()
    const { deduplicated } = await client.publish(message)
    await order('settle')
    expect(deduplicated).toBe(true)
    expect(destination.at('/lost')).toHaveLength(1)
  })

  it('that fails before it is accepted delivers nothing', async ({ expect }) => {
    standIn.faults.add({ effect: { kind: 'status', status: 500 } })
    await expect(client.publish({ url: to('/never') })).rejects.toMatchObject({ status: 500 })
    await order('settle')
    expect(destination.received).toEqual([])
  })

  it('leaves a trip without its token', async ({ expect }) => {
    const token = encodeURIComponent(standIn.token)
    await fetch(`${standIn.url}/v2/publish/${to('/trip')}?qstash_token=${token}`, {
      method: 'POST',
    })
    expect(standIn.trips).toMatchObject([
      { subject: `POST /v2/publish/${to('/trip')}`, status: 200 },
    ])
  })
})

describe('an outage', () => {
  it('keeps what it accepted until it is over', async ({ expect }) => {
    await order('pause', { publishes: 'accept' })
    const { messageId } = await client.publish({ url: to('/kept') })
    await order('settle')
    expect(destination.received).toEqual([])
    await order('resume')
    await order('settle')
    expect(ids()).toEqual([messageId])
  })

  it('delivers what became due meanwhile in the order of its time', async ({ expect }) => {
    await order('pause')
    const flowControl = { key: 'line', parallelism: 1 }
    for (const delay of [30, 10, 20]) {
      await client.publish({ url: to(`/after/${delay}`), delay, flowControl })
    }
    standIn.clock.advance(60_000)
    await order('resume')
    await order('settle')
    expect(destination.received.map(({ target }) => target)).toEqual([
      ...['/after/10', '/after/20', '/after/30'],
    ])
  })

  it('refuses publishes with 503 when told to, and nothing else', async ({ expect }) => {
    await order('pause', { publishes: 'refuse' })
    await expect(client.publish({ url: to('/no') })).rejects.toMatchObject({ status: 503 })
    await expect(client.batch([{ url: to('/no') }])).rejects.toMatchObject({ status: 503 })
    expect((await call('GET', '/v2/keys')).status).toBe(200)
  })
})

it('reset forgets everything, what is under way too', async ({ expect }) => {
  destination.reply('/hangs', () => new Promise(() => {}))
  await client.publish({ url: to('/hangs') })
  await client.publish({ url: to('/later'), delay: '1h', deduplicationId: 'again' })
  await destination.arrivals('/hangs', 1)
  await order('reset')
  await order('settle')
  expect(await client.messages.cancel({ all: true })).toMatchObject({ cancelled: 0 })
  const fresh = await client.publish({ url: to('/later'), delay: '1h', deduplicationId: 'again' })
  expect(fresh).not.toHaveProperty('deduplicated')
})

it.for([
  'https://payments.example/hook',
  'http://10.0.0.1/hook',
  'http://127.0.0.1.payments.example/hook',
])('a message to %s fails at once: it is not this machine', async (url, { expect }) => {
  const { messageId } = await client.publish({ url })
  await order('settle')
  const { logs } = await client.logs({ filter: { messageId } })
  expect(logs.map(({ state }) => state)).toEqual(['FAILED', 'ERROR', 'ACTIVE', 'CREATED'])
  expect(logs[0]?.error).toContain('is not a loopback address')
})

describe('what is not done', () => {
  it.for([
    ['POST', '/v2/publish/api/llm', {}],
    ['POST', '/v2/flowControl/key/pin?rate=1', {}],
    ['DELETE', '/v2/workflows/runs/1', {}],
    ['GET', '/v2/logs?workflowRunId=1', {}],
    ['POST', '/v2/publish/http://127.0.0.1/x', { 'upstash-redact-fields': 'body' }],
    [
      'POST',
      '/v2/schedules/http://127.0.0.1/x',
      { 'upstash-cron': 'CRON_TZ=Asia/Tokyo 0 4 * * *' },
    ],
    ['POST', '/v2/enqueue/q/http://127.0.0.1/x', { 'upstash-delay': '5s' }],
  ] as const)('is refused with 501: %s %s', async ([method, path, headers], { expect }) => {
    const answer = await call(method, path, { headers: headers as Record<string, string> })
    expect(answer.status).toBe(501)
    expect(await answer.json()).toEqual({ error: expect.stringContaining('stand-in does not do') })
  })
})
