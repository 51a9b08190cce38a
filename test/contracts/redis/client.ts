import { Redis } from '@upstash/redis'
import { describe, it } from 'vitest'
import type { RedisStandIn } from '../../../local/stand-ins/redis/index.ts'

type Started = () => RedisStandIn

/** The official client, set up as production sets it up. */
const clientOf = (redis: RedisStandIn, timeoutMs = 5000) =>
  new Redis({
    url: redis.url,
    token: redis.token,
    retry: { retries: 0 },
    enableAutoPipelining: false,
    automaticDeserialization: false,
    enableTelemetry: false,
    signal: () => AbortSignal.timeout(timeoutMs),
  })

/** What the official client makes of the answers. */
export function clientContract(redis: Started) {
  describe('@upstash/redis', () => {
    readsValues(redis)
    runsSeveral(redis)
    meetsFailures(redis)
  })
}

function readsValues(redis: Started) {
  it('gives back text as it was, numbers and JSON included', async ({ expect }) => {
    const client = clientOf(redis())
    await client.mset({ a: '1000', b: '{"x":1}', c: 'OK', d: 'señal' })
    expect(await client.mget('a', 'b', 'c', 'd')).toEqual(['1000', '{"x":1}', 'OK', 'señal'])
    expect(await client.get('c')).toBe('OK')
  })

  it('sets once with nx, and answers null after', async ({ expect }) => {
    const client = clientOf(redis())
    expect(await client.set('k', 'v', { nx: true, px: 60_000 })).toBe('OK')
    expect(await client.set('k', 'w', { nx: true })).toBeNull()
  })

  it('leaves a hash and a stream flat, since it does not deserialize', async ({ expect }) => {
    const client = clientOf(redis())
    await client.hset('h', { amount: '10', currency: 'USDC' })
    expect(await client.hgetall('h')).toEqual(['amount', '10', 'currency', 'USDC'])
    const id = await client.xadd('s', '*', { payment: 'p1' })
    expect(await client.xrange('s', '-', '+')).toEqual([[id, ['payment', 'p1']]])
  })

  it('runs a script by its hash, loading it when it is unknown', async ({ expect }) => {
    const text = "#!lua flags=allow-key-locking\nreturn {KEYS[1], ARGV[1], 7, 'OK', false}"
    const script = clientOf(redis()).createScript<unknown[]>(text)
    expect(await script.exec(['k'], ['v'])).toEqual(['k', 'v', 7, 'OK', null])
    expect(await script.evalsha(['k'], ['w'])).toEqual(['k', 'w', 7, 'OK', null])
  })
}

function runsSeveral(redis: Started) {
  it('pipelines, and keeps errors in place', async ({ expect }) => {
    const pipeline = clientOf(redis()).pipeline().set('k', 'x').incr('k').get('k')
    const answers = await pipeline.exec({ keepErrors: true })
    expect(answers.map(({ result, error }) => error ?? result)).toEqual([
      'OK',
      'ERR value is not an integer or out of range',
      'x',
    ])
  })

  it('runs a transaction', async ({ expect }) => {
    expect(await clientOf(redis()).multi().incr('k').incr('k').exec()).toEqual([1, 2])
  })

  it('sends each command once, in a request of its own', async ({ expect }) => {
    const client = clientOf(redis())
    redis().trips.length = 0
    await Promise.all([client.get('a'), client.get('b')])
    expect(redis().trips.map((trip) => trip.subject)).toEqual(['GET a', 'GET b'])
  })
}

function meetsFailures(redis: Started) {
  it('throws a command error, with the command in its text', async ({ expect }) => {
    const client = clientOf(redis())
    await client.rpush('k', 'secret')
    await expect(client.get('k')).rejects.toThrow(/^WRONGTYPE .*, command was: \["get","k"\]$/)
  })

  it('throws when the answer takes too long', async ({ expect }) => {
    redis().faults.add({ match: 'GET k', effect: { kind: 'hang' } })
    await expect(clientOf(redis(), 50).get('k')).rejects.toThrow(/timeout/i)
  })

  it.for(['drop', 'garbage'] as const)(
    'throws when the answer is lost to a %s, though the command was run once',
    async (kind, { expect }) => {
      redis().faults.add({ match: 'INCR k', when: 'after', effect: { kind } })
      await expect(clientOf(redis()).incr('k')).rejects.toThrow()
      expect(await redis().command('GET', 'k')).toBe('1')
    },
  )
}
