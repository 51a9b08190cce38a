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
})

afterAll(async () => {
  await qstash.stop()
  await destination.stop()
})

const to = (path: string) => `${destination.url}${path}`

const unique = () => crypto.randomUUID()

const publishRaw = (target: string, init: RequestInit = {}) =>
  qstash.call('POST', `/v2/publish/${target}`, init)

describe('a published message', () => {
  it('arrives once as a POST under the id of the answer', async ({ expect }) => {
    const { messageId } = await qstash.client.publish({ url: to('/plain'), body: 'hello' })
    const [received] = await destination.arrivals('/plain', 1)
    expect(messageId).toMatch(/^msg_/)
    expect(received).toMatchObject({ method: 'POST', target: '/plain' })
    expect(received?.headers).toMatchObject({
      'upstash-message-id': messageId,
      'upstash-retried': '0',
      'user-agent': 'Upstash-QStash',
    })
  })

  it('carries its bytes unchanged, text or not', async ({ expect }) => {
    const body = Buffer.from([0, 255, 254, 10, 128, 34])
    await publishRaw(to('/bytes'), { body })
    const [received] = await destination.arrivals('/bytes', 1)
    expect(received?.body).toEqual(body)
  })

  it('carries JSON with its content type', async ({ expect }) => {
    await qstash.client.publishJSON({ url: to('/json'), body: { shard: 3 } })
    const [received] = await destination.arrivals('/json', 1)
    expect(received?.headers['content-type']).toBe('application/json')
    expect(received?.body.toString()).toBe('{"shard":3}')
  })

  it('keeps the query of its destination', async ({ expect }) => {
    await qstash.client.publish({ url: to('/query?city=lima&tag=a%2Fb&empty=') })
    const [received] = await destination.arrivals('/query', 1)
    expect(received?.target).toBe('/query?city=lima&tag=a%2Fb&empty=')
  })

  it('forwards the prefixed headers and none of the caller’s own', async ({ expect }) => {
    await publishRaw(to('/headers'), {
      headers: { 'upstash-forward-x-shard': '7', 'x-private': 'secret' },
    })
    const [received] = await destination.arrivals('/headers', 1)
    expect(received?.headers['x-shard']).toBe('7')
    expect(received?.headers).not.toHaveProperty('x-private')
    expect(received?.headers).not.toHaveProperty('authorization')
  })

  it.for(['GET', 'PUT', 'PATCH', 'DELETE'] as const)(
    'is sent as %s',
    async (method, { expect }) => {
      await qstash.client.publish({ url: to(`/method/${method}`), method })
      const [received] = await destination.arrivals(`/method/${method}`, 1)
      expect(received?.method).toBe(method)
    },
  )

  it('is accepted with the token in the query, which stays there', async ({ expect }) => {
    const token = encodeURIComponent(qstash.token)
    const target = `${to('/token')}?a=1&qstash_token=${token}&b=2`
    const answer = await fetch(`${qstash.url}/v2/publish/${target}`, { method: 'POST' })
    const [received] = await destination.arrivals('/token', 1)
    expect(answer.status).toBe(200)
    expect(received?.target).toBe('/token?a=1&b=2')
  })
})

describe('a publish is refused', () => {
  it.for([
    ['no token', undefined],
    ['another token', 'Bearer nobody'],
  ])('with %s', async ([, authorization], { expect }) => {
    const headers: Record<string, string> = authorization ? { authorization } : {}
    const target = `${qstash.url}/v2/publish/${to('/refused')}`
    const answer = await fetch(target, { method: 'POST', headers })
    expect(answer.status).toBe(401)
  })

  it.for([
    ['a delay without a unit', 'upstash-delay', '5'],
    ['retries that are no number', 'upstash-retries', 'many'],
    ['an unknown function in its retry delay', 'upstash-retry-delay', 'eval(1)'],
    ['a flow control key without a value', 'upstash-flow-control-key', 'k'],
    ['a callback without a scheme', 'upstash-callback', 'nowhere.example'],
  ] as const)('with %s', async ([, name, value], { expect }) => {
    const answer = await publishRaw(to('/refused'), { headers: { [name]: value } })
    expect(answer.status).toBe(400)
    expect(await answer.json()).toEqual({ error: expect.any(String) })
  })

  it('with a destination without a scheme', async ({ expect }) => {
    const answer = await publishRaw('nowhere.example/path')
    expect(answer.status).toBe(400)
    expect(await answer.json()).toEqual({ error: expect.stringContaining('scheme') })
  })
})

describe('deduplication', () => {
  it('answers the old id to a known deduplication id, with 202', async ({ expect }) => {
    const headers = { 'upstash-deduplication-id': unique() }
    const first = await publishRaw(to('/dedup-id'), { headers, body: 'one' })
    const second = await publishRaw(to('/dedup-id'), { headers, body: 'other' })
    const { messageId } = (await first.json()) as { messageId: string }
    expect([first.status, second.status]).toEqual([200, 202])
    expect(await second.json()).toEqual({ messageId, deduplicated: true })
  })

  it('delivers a deduplicated message once', async ({ expect }) => {
    const deduplicationId = unique()
    await qstash.client.publish({ url: to('/dedup-once'), deduplicationId })
    await qstash.client.publish({ url: to('/dedup-once'), deduplicationId })
    await qstash.client.publish({ url: to('/dedup-once'), method: 'PUT' })
    await destination.arrivals('/dedup-once', 2)
    const methods = destination.at('/dedup-once').map(({ method }) => method)
    expect(methods.toSorted()).toEqual(['POST', 'PUT'])
  })

  it('by content tells body, forwarded headers and destination apart', async ({ expect }) => {
    const id = unique()
    const messages = [
      { url: to('/dedup-content'), body: id },
      { url: to('/dedup-content'), body: id },
      { url: to('/dedup-content'), body: `${id} ` },
      { url: to('/dedup-content'), body: id, headers: { 'x-shard': '1' } },
      { url: to('/dedup-content?other'), body: id },
    ]
    const flags: (boolean | undefined)[] = []
    for (const message of messages) {
      const request = { ...message, contentBasedDeduplication: true }
      const { deduplicated } = await qstash.client.publish(request)
      flags.push(deduplicated)
    }
    expect(flags).toEqual([undefined, true, undefined, undefined, undefined])
  })
})

describe('a batch', () => {
  it('answers each item in its place and delivers the good ones', async ({ expect }) => {
    const items = [
      { destination: to('/batch/a'), body: 'a', headers: { 'Upstash-Method': 'PUT' } },
      { destination: 'nowhere.example', body: 'b' },
      { destination: to('/batch/c'), body: 'c' },
    ]
    const answer = await qstash.call('POST', '/v2/batch', { body: JSON.stringify(items) })
    const [a, b, c] = (await answer.json()) as Record<string, string>[]
    expect(a?.['messageId']).toMatch(/^msg_/)
    expect(b).toEqual({ error: expect.stringContaining('invalid') })
    expect(c?.['messageId']).toMatch(/^msg_/)
    const [received] = await destination.arrivals('/batch/a', 1)
    await destination.arrivals('/batch/c', 1)
    expect(received).toMatchObject({ method: 'PUT', body: Buffer.from('a') })
  })

  it('is sent by the client with a queue and options per item', async ({ expect }) => {
    const answers = await qstash.client.batchJSON([
      { url: to('/batch/queued'), body: { n: 1 }, queueName: `queue-${unique()}` },
      { url: to('/batch/option'), body: { n: 2 }, headers: { 'x-shard': '2' } },
    ])
    await destination.arrivals('/batch/queued', 1)
    const [received] = await destination.arrivals('/batch/option', 1)
    expect(answers).toHaveLength(2)
    expect(received?.headers).toMatchObject({ 'x-shard': '2', 'content-type': 'application/json' })
  })
})

describe('a URL group', () => {
  it('gives every endpoint a message of its own', async ({ expect }) => {
    const name = `group-${unique()}`
    const endpoints = [{ url: to('/group/a'), name: 'a' }, { url: to('/group/b') }]
    await qstash.client.urlGroups.addEndpoints({ name, endpoints })
    const published = await qstash.client.publish({ urlGroup: name, body: 'all' })
    const [received] = await destination.arrivals('/group/a', 1)
    await destination.arrivals('/group/b', 1)
    expect(published).toEqual(
      endpoints.map(({ url }) => ({ url, messageId: expect.stringMatching(/^msg_/) })),
    )
    expect(received?.headers['upstash-topic-name']).toBe(name)
  })

  it('deduplicates for each endpoint apart', async ({ expect }) => {
    const name = `group-${unique()}`
    const endpoints = [{ url: to('/group/c') }, { url: to('/group/d') }]
    await qstash.client.urlGroups.addEndpoints({ name, endpoints })
    const message = { urlGroup: name, deduplicationId: unique() }
    const first = await qstash.client.publish(message)
    const second = await qstash.client.publish(message)
    expect(first.map(({ deduplicated }) => deduplicated)).toEqual([undefined, undefined])
    expect(second).toEqual(first.map((it) => ({ ...it, deduplicated: true })))
  })

  it('ends with its last endpoint', async ({ expect }) => {
    const name = `group-${unique()}`
    const endpoints = [{ url: to('/group/gone') }]
    await qstash.client.urlGroups.addEndpoints({ name, endpoints })
    expect(await qstash.client.urlGroups.get(name)).toMatchObject({ name, endpoints })
    await qstash.client.urlGroups.removeEndpoints({ name, endpoints })
    await expect(qstash.client.urlGroups.get(name)).rejects.toMatchObject({ status: 404 })
  })
})

it('the signing keys are those the receiver is configured with', async ({ expect }) => {
  const answer = await qstash.call('GET', '/v2/keys')
  expect(await answer.json()).toEqual({
    current: qstash.currentSigningKey,
    next: qstash.nextSigningKey,
  })
})
