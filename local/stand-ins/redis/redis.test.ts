import { afterAll, beforeAll, beforeEach, describe, it } from 'vitest'
import { type RedisStandIn, startRedis } from './index.ts'

let redis: RedisStandIn
beforeAll(async () => {
  redis = await startRedis({ token: 'test-token' })
})
afterAll(() => redis.stop())
beforeEach(async () => {
  await redis.reset()
  redis.faults.clear()
  redis.trips.length = 0
})

const post = async (path: string, body: unknown) => {
  const response = await fetch(redis.url + path, {
    method: 'POST',
    headers: { authorization: 'Bearer test-token', 'x-request-id': 'request-1' },
    body: JSON.stringify(body),
  })
  return { status: response.status, body: await response.json() }
}
const order = (name: string, body: unknown = {}) => post(`/__control/${name}`, body)

describe('the log', () => {
  it('counts the commands that scripts run, beside those it is sent', async ({ expect }) => {
    const before = redis.commandsInScripts()
    const script = "redis.call('SET', KEYS[1], 'v') return redis.call('GET', KEYS[1])"

    await post('/', ['EVAL', script, 1, 'k'])

    expect(redis.commandsInScripts() - before).toBe(2)
    expect(redis.trips.map(({ subject }) => subject)).toEqual(['EVAL k'])
  })
})

describe('the clock', () => {
  it('expires a key after its time, not at it', async ({ expect }) => {
    await redis.command('SET', 'k', 'v', 'PXAT', Math.floor(redis.clock.now()) + 60_000)
    redis.clock.advance(59_000)
    expect(await redis.command('GET', 'k')).toBe('v')
    redis.clock.advance(1_001)
    expect(await redis.command('EXISTS', 'k')).toBe(0)
    expect(await redis.command('DBSIZE')).toBe(0)
  })

  it('rounds TTL to the nearest second', async ({ expect }) => {
    await redis.command('SET', 'k', 'v', 'PX', 10_000)
    redis.clock.advance(8_700)
    expect(await redis.command('TTL', 'k')).toBe(1)
  })

  it('gives stream entries its milliseconds, and TIME its seconds', async ({ expect }) => {
    redis.clock.advance(3_600_000)
    const id = String(await redis.command('XADD', 's', '*', 'f', 'v'))
    const [seconds] = (await redis.command('TIME')) as [string]
    expect(Math.abs(Number(id.split('-')[0]) - redis.clock.now())).toBeLessThan(5_000)
    expect(Math.abs(Number(seconds) * 1000 - redis.clock.now())).toBeLessThan(5_000)
  })

  it('makes pending entries old enough to claim', async ({ expect }) => {
    await redis.command('XADD', 's', '1-1', 'f', 'v')
    await redis.command('XGROUP', 'CREATE', 's', 'g', 0)
    await redis.command('XREADGROUP', 'GROUP', 'g', 'me', 'STREAMS', 's', '>')
    const claim = () => redis.command('XAUTOCLAIM', 's', 'g', 'you', 30_000, '0-0', 'JUSTID')
    expect(await claim()).toEqual(['0-0', [], []])
    redis.clock.advance(30_000)
    expect(await claim()).toEqual(['0-0', ['1-1'], []])
  })
})

describe('snapshots', () => {
  it('bring back every type, so that acknowledged writes are lost', async ({ expect }) => {
    const writes = [
      ['SET', 'string', '1'],
      ['HSET', 'hash', 'f', '1'],
      ['RPUSH', 'list', '1'],
      ['SADD', 'set', '1'],
      ['ZADD', 'zset', '1', 'm'],
      ['XADD', 'stream', '1-1', 'f', '1'],
    ]
    for (const words of writes) await redis.command(...words)
    const id = redis.snapshot()
    for (const [name = '', key = ''] of writes) await redis.command('DEL', name && key)
    await redis.command('SET', 'later', '1')

    redis.restore(id)
    expect(await redis.command('DBSIZE')).toBe(6)
    expect(await redis.command('XRANGE', 'stream', '-', '+')).toEqual([['1-1', ['f', '1']]])
    await redis.command('HINCRBY', 'hash', 'f', 1)
    redis.restore(id)
    expect(await redis.command('HGET', 'hash', 'f')).toBe('1')
  })

  it('do not bring back what has expired since', async ({ expect }) => {
    await redis.command('SET', 'k', 'v', 'EX', 10)
    const id = redis.snapshot()
    redis.clock.advance(11_000)
    redis.restore(id)
    expect(await redis.command('GET', 'k')).toBeNull()
  })

  it('are ordered over the control route', async ({ expect }) => {
    const { body } = await order('snapshot')
    await redis.command('SET', 'k', 'v')
    expect(await order('restore', { id: body.id })).toMatchObject({ status: 200 })
    expect(await redis.command('GET', 'k')).toBeNull()
    await redis.command('SET', 'k', 'v')
    await order('reset')
    expect(await redis.command('DBSIZE')).toBe(0)
    expect((await order('restore', { id: 'other' })).status).toBe(500)
  })
})

describe('faults and the trip log', () => {
  it.for([
    ['/', ['get', 'payos:answer:1'], 'GET payos:answer:1'],
    ['/', ['EVAL', 'return 1', 1, 'lease:1', 'x'], 'EVAL lease:1'],
    ['/', ['XGROUP', 'CREATE', 'stream:1', 'g', '0'], 'XGROUP stream:1'],
    ['/pipeline', [['GET', 'a'], ['PING'], ['SET', 'b', '1']], 'GET a; PING; SET b'],
    ['/multi-exec', [['INCR', 'a']], 'INCR a'],
    ['/', 'nothing', 'POST /'],
  ] as const)('know %s %j as "%s"', async ([path, body, subject], { expect }) => {
    await post(path, body)
    expect(redis.trips).toMatchObject([{ subject, requestId: 'request-1' }])
  })

  it('lose the answer to a command that was run', async ({ expect }) => {
    const effect = { kind: 'status', status: 502, body: '{"error":"gateway"}' }
    await order('faults', { match: 'INCR k', when: 'after', effect })
    expect(await post('/', ['INCR', 'k'])).toEqual({ status: 502, body: { error: 'gateway' } })
    expect(await redis.command('GET', 'k')).toBe('1')
  })
})

describe('scripts under allow-key-locking', () => {
  const locked = (text: string, ...keys: string[]) =>
    redis.command('EVAL', `#!lua flags=allow-key-locking\n${text}`, keys.length, ...keys)

  it.for([
    ['another key', "redis.call('GET', 'b')"],
    ['another key among many', "redis.call('MGET', 'a', 'b')"],
    ['another stream', "redis.call('XADD', 'b', '*', 'f', 'v')"],
    ['the whole database', "redis.call('FLUSHDB')"],
  ] as const)('may not touch %s', async ([, text], { expect }) => {
    await expect(locked(text, 'a')).rejects.toThrow(/allow-key-locking/)
  })

  it('may touch its own keys', async ({ expect }) => {
    expect(await locked("return redis.call('MGET', KEYS[2], KEYS[1])", 'a', 'b')).toEqual([
      null,
      null,
    ])
  })

  it('may touch any key when the flag is not on the first line', async ({ expect }) => {
    const text = "\n#!lua flags=allow-key-locking\nreturn redis.call('GET', 'b')"
    await expect(redis.command('EVAL', text.replace('#!', '--'), 0)).resolves.toBeNull()
  })
})

describe('scripts', () => {
  it.for([
    'return math.random()',
    'return cmsgpack.pack(1)',
    "return struct.pack('I', 1)",
    'return redis.setresp(3)',
    "return redis.call('GEOADD', 'k')",
    'return {double = 1.5}',
    'error({})',
    "return pcall(redis.call, 'GEOADD', 'k')",
  ])('are refused where a real server would do more: %s', async (text, { expect }) => {
    const { status, body } = await post('/', ['EVAL', text, 0])
    expect([status, body.error]).toEqual([501, expect.stringContaining('stand-in refuses')])
  })

  it('see one moment from start to end', async ({ expect }) => {
    const text = `
      local first = redis.call('TIME')
      for i = 1, 20000 do redis.call('GET', 'k') end
      local last = redis.call('TIME')
      return first[1] == last[1] and first[2] == last[2]`
    expect(await redis.command('EVAL', text, 0)).toBe(1)
  })

  it('leave nothing behind for the next', async ({ expect }) => {
    const peek = "return {#KEYS, #ARGV, rawget(_G, 'leak') == nil}"
    await redis.command('EVAL', 'KEYS[5] = 1 ARGV[1] = 2 return 1', 1, 'k', 'v').catch(() => null)
    await redis.command('EVAL', "rawset(_G, 'leak', 1)", 0).catch(() => null)
    expect(await redis.command('EVAL', peek, 0)).toEqual([0, 0, 1])
  })

  it('outlive their Lua state, which is replaced every so often', async ({ expect }) => {
    const text = "return redis.call('INCRBY', KEYS[1], ARGV[1])"
    const sha = String(await redis.command('SCRIPT', 'LOAD', text))
    for (let i = 0; i < 20_100; i++) await redis.command('EVALSHA', sha, 1, 'k', 2)
    expect(await redis.command('GET', 'k')).toBe('40200')
  })
})
