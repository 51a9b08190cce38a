import { afterAll, beforeAll, describe, it } from 'vitest'
import {
  type Destination,
  openQstash,
  type QstashUnderTest,
  startDestination,
} from '../support/qstash.ts'

let qstash: QstashUnderTest
let destination: Destination

beforeAll(async () => {
  destination = await startDestination()
  qstash = await openQstash()
  destination.reply('/broken', () => ({
    status: 500,
    headers: { 'content-type': 'text/plain', 'x-why': 'broken' },
    body: 'cannot',
  }))
  destination.reply('/poison', () => ({
    status: 489,
    headers: { 'upstash-nonretryable-error': 'true' },
  }))
})

afterAll(async () => {
  await qstash.stop()
  await destination.stop()
})

const to = (path: string) => `${destination.url}${path}`

const text = (base64: string) => Buffer.from(base64, 'base64').toString()

/** The dead letter of a message, once its failure callback has come. */
async function deadLetter(path: string, options: { url: string; retries?: number }) {
  const { messageId } = await qstash.client.publish({
    ...options,
    body: 'work',
    label: path,
    failureCallback: to(path),
    headers: { 'x-shard': '4' },
  })
  const [received] = await destination.arrivals(path, 1)
  const callback = JSON.parse(received?.body.toString() ?? '') as Record<string, unknown>
  return { messageId, callback, dlqId: String(callback['dlqId']) }
}

describe('a message that failed for the last time', () => {
  it('is told to the failure callback with what was answered', async ({ expect }) => {
    const { messageId, callback } = await deadLetter('/failed', { url: to('/broken'), retries: 0 })
    expect(callback).toMatchObject({
      status: 500,
      header: { 'X-Why': ['broken'] },
      maxRetries: 0,
      sourceMessageId: messageId,
      url: to('/broken'),
      method: 'POST',
      sourceHeader: { 'X-Shard': ['4'] },
      createdAt: expect.any(Number),
    })
    expect(text(String(callback['body']))).toBe('cannot')
    expect(text(String(callback['sourceBody']))).toBe('work')
  })

  it('lies in the DLQ with the last answer', async ({ expect }) => {
    const { messageId, dlqId } = await deadLetter('/letter', { url: to('/broken'), retries: 0 })
    const { messages } = await qstash.client.dlq.listMessages({ filter: { label: '/letter' } })
    const answer = await qstash.call('GET', `/v2/dlq/${dlqId}`)
    expect(messages).toMatchObject([{ dlqId, messageId, responseStatus: 500, body: 'work' }])
    expect(await answer.json()).toMatchObject({ dlqId, responseBody: 'cannot' })
  })

  it('is gone from the DLQ once deleted', async ({ expect }) => {
    const { dlqId } = await deadLetter('/deleted', { url: to('/broken'), retries: 0 })
    await qstash.client.dlq.delete(dlqId)
    const answer = await qstash.call('GET', `/v2/dlq/${dlqId}`)
    expect(answer.status).toBe(404)
  })

  it('is delivered again as a new message when retried', async ({ expect }) => {
    destination.reply('/mended', (_, nth) => ({ status: nth === 1 ? 500 : 200 }))
    const { messageId, dlqId } = await deadLetter('/mend', { url: to('/mended'), retries: 0 })
    const { responses } = await qstash.client.dlq.retry(dlqId)
    const [, again] = await destination.arrivals('/mended', 2)
    const answer = await qstash.call('GET', `/v2/dlq/${dlqId}`)
    expect(responses[0]?.messageId).not.toBe(messageId)
    expect(again?.headers).toMatchObject({
      'upstash-message-id': responses[0]?.messageId,
      'x-shard': '4',
    })
    expect(again?.body.toString()).toBe('work')
    expect(answer.status).toBe(404)
  })

  it('is deleted and retried in bulk by filter', async ({ expect }) => {
    const label = `bulk-${crypto.randomUUID()}`
    for (const n of [1, 2, 3]) {
      const failureCallback = to('/bulk-failed')
      await qstash.client.publish({ url: to('/broken'), retries: 0, label, failureCallback })
      await destination.arrivals('/bulk-failed', n)
    }
    const { messages } = await qstash.client.dlq.listMessages({ filter: { label }, count: 2 })
    const [first] = messages
    const retried = await qstash.client.dlq.retry([first?.dlqId ?? ''])
    const rest = await qstash.client.dlq.delete({ filter: { label } })
    expect(messages).toHaveLength(2)
    expect(retried.responses).toHaveLength(1)
    expect(rest).toMatchObject({ deleted: 2 })
  })
})

describe('an answer of 489', () => {
  it('that declares itself not retryable ends a message at once', async ({ expect }) => {
    const { callback } = await deadLetter('/poisoned', { url: to('/poison'), retries: 3 })
    expect(callback).toMatchObject({ status: 489, maxRetries: 3 })
    expect(destination.at('/poison')).toHaveLength(1)
  })
})

describe('a retry', () => {
  it('comes at once when the destination says Retry-After: 0, and counts itself', async ({
    expect,
  }) => {
    destination.reply('/again', (_, nth) => ({
      status: nth < 3 ? 503 : 200,
      headers: { 'retry-after': '0' },
    }))
    await qstash.client.publish({ url: to('/again'), body: 'same' })
    const attempts = await destination.arrivals('/again', 3)
    expect(attempts.map(({ headers }) => headers['upstash-retried'])).toEqual(['0', '1', '2'])
    expect(new Set(attempts.map(({ headers }) => headers['upstash-message-id'])).size).toBe(1)
    expect(attempts.every(({ body }) => body.toString() === 'same')).toBe(true)
  })
})

describe('a callback', () => {
  it('tells what the destination answered', async ({ expect }) => {
    destination.reply('/answers', () => ({ status: 201, body: 'made' }))
    const { messageId } = await qstash.client.publish({
      url: to('/answers'),
      callback: to('/told'),
    })
    const [received] = await destination.arrivals('/told', 1)
    const told = JSON.parse(received?.body.toString() ?? '') as Record<string, string>
    expect(told).toMatchObject({ status: 201, sourceMessageId: messageId, url: to('/answers') })
    expect(text(told['body'] ?? '')).toBe('made')
    expect(told).not.toHaveProperty('dlqId')
  })

  it('has a method, headers and retries of its own', async ({ expect }) => {
    destination.reply('/told-put', (_, nth) => ({
      status: nth === 1 ? 500 : 200,
      headers: { 'retry-after': '0' },
    }))
    await qstash.client.publish({
      url: to('/answers'),
      retries: 0,
      callback: to('/told-put'),
      headers: {
        'Upstash-Callback-Method': 'PUT',
        'Upstash-Callback-Retries': '1',
        'Upstash-Callback-Forward-X-Shard': '9',
      },
    })
    const [, second] = await destination.arrivals('/told-put', 2)
    expect(second).toMatchObject({ method: 'PUT' })
    expect(second?.headers).toMatchObject({ 'x-shard': '9', 'upstash-retried': '1' })
  })

  it('has the retries of its message unless it says otherwise', async ({ expect }) => {
    const retryAtOnce = { status: 500, headers: { 'retry-after': '0' } }
    destination.reply('/deaf', () => retryAtOnce)
    await qstash.client.publish({ url: to('/answers'), retries: 1, callback: to('/deaf') })
    const attempts = await destination.arrivals('/deaf', 2)
    expect(attempts.map(({ headers }) => headers['upstash-retried'])).toEqual(['0', '1'])
    await expect
      .poll(
        async () =>
          (await qstash.client.dlq.listMessages({ filter: { url: to('/deaf') } })).messages,
      )
      .toMatchObject([{ maxRetries: 1 }])
  })

  it('comes after every attempt, failed ones too', async ({ expect }) => {
    destination.reply('/shaky', (_, nth) => ({
      status: nth === 1 ? 502 : 200,
      headers: { 'retry-after': '0' },
    }))
    await qstash.client.publish({ url: to('/shaky'), callback: to('/each') })
    const told = await destination.arrivals('/each', 2)
    const statuses = told.map(({ body }) => (JSON.parse(body.toString()) as Told).status)
    expect(statuses.toSorted()).toEqual([200, 502])
  })
})

type Told = { status: number }
