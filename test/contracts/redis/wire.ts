import { describe, it } from 'vitest'
import type { RedisStandIn } from '../../../local/stand-ins/redis/index.ts'

type Redis = () => RedisStandIn
type Request = { method?: string; headers?: Record<string, string>; body?: unknown }

const BASE64 = { 'upstash-encoding': 'base64' }
const NOT_AN_INTEGER = 'ERR value is not an integer or out of range'

/** Sends one request as it is, with the right token unless `headers` say another. */
export async function call(redis: RedisStandIn, path: string, request: Request) {
  const { method = 'POST', headers, body } = request
  const response = await fetch(`${redis.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${redis.token}`, ...headers },
    body: body === undefined || typeof body === 'string' ? (body ?? null) : JSON.stringify(body),
  })
  return { status: response.status, headers: response.headers, text: await response.text() }
}

/** What goes over HTTP: routes, authorization, encodings, several commands in one request. */
export function wireContract(redis: Redis) {
  describe('the wire', () => {
    turnsAway(redis)
    encodes(redis)
    takesSeveral(redis)
    carriesLoad(redis)
  })
}

function turnsAway(redis: Redis) {
  it.for([
    ['no token', ''],
    ['another token', 'Bearer contract-tokeX'],
    ['another scheme', 'Basic contract-token'],
  ] as const)('answers 401 to %s', async ([, authorization], { expect }) => {
    const answer = await call(redis(), '/', { headers: { authorization }, body: ['PING'] })
    expect([answer.status, answer.text]).toEqual([
      401,
      '{"error":"WRONGPASS invalid or missing auth token"}',
    ])
  })

  it.for([
    ['GET', '/', 405],
    ['PUT', '/pipeline', 405],
    ['POST', '/elsewhere', 404],
    ['GET', '/get/k', 501],
    ['POST', '/set/k/v', 501],
    ['POST', '/?_token=contract-token', 501],
    ['GET', '/subscribe/channel', 501],
  ] as const)('answers %s %s with %i', async ([method, path, status], { expect }) => {
    expect((await call(redis(), path, { method })).status).toBe(status)
  })

  it.for([
    ['text that is not JSON', '/', '["GET",'],
    ['an object', '/', { command: 'GET' }],
    ['an empty command', '/', []],
    ['a nested list', '/', ['SET', 'k', ['v']]],
    ['null as an argument', '/', ['SET', 'k', null]],
    ['a single command as a pipeline', '/pipeline', ['GET', 'k']],
    ['an empty pipeline', '/pipeline', []],
  ] as const)('answers 400 to %s', async ([, path, body], { expect }) => {
    const answer = await call(redis(), path, { body })
    expect([answer.status, Object.keys(JSON.parse(answer.text))]).toEqual([400, ['error']])
  })

  it.for([
    ['a command that is not built', ['GEORADIUS', 'k']],
    ['a boolean argument', ['SET', 'k', true]],
    ['a read that blocks', ['XREADGROUP', 'GROUP', 'g', 'c', 'BLOCK', 5, 'STREAMS', 's', '>']],
  ] as const)('answers 501 to %s, so no test passes by accident', async ([, body], { expect }) => {
    expect((await call(redis(), '/', { body })).status).toBe(501)
  })
}

function encodes(redis: Redis) {
  it.for([
    [['PING'], '{"result":"UE9ORw=="}'],
    [['SET', 'k', 'é'], '{"result":"OK"}'],
    [['GET', 'k'], '{"result":null}'],
    [['RPUSH', 'k', 'é'], '{"result":1}'],
    [['ECHO', 'OK'], '{"result":"OK"}'],
    [['EVAL', "return {'a', {1, 'OK', false}}", 0], '{"result":["YQ==",[1,"T0s=",null]]}'],
    [['EVAL', "return '\\255'", 0], '{"result":"/w=="}'],
    [['INCR'], '{"error":"ERR wrong number of arguments for \'incr\' command"}'],
  ] as const)('encodes every string of %j but a lone OK', async ([body, text], { expect }) => {
    expect((await call(redis(), '/', { body, headers: BASE64 })).text).toBe(text)
  })

  it('writes integers to the last digit, both ways', async ({ expect }) => {
    const answer = await call(redis(), '/', { body: '["INCRBY","k",9007199254740993]' })
    expect(answer.text).toBe('{"result":9007199254740993}')
  })

  it('gives every answer a new sync token', async ({ expect }) => {
    const ask = async (token: string) => {
      const headers = { 'upstash-sync-token': token }
      const answer = await call(redis(), '/', { body: ['PING'], headers })
      return answer.headers.get('upstash-sync-token') ?? ''
    }
    const first = await ask('')
    expect(first).not.toBe('')
    expect(await ask(first)).not.toBe(first)
  })
}

function takesSeveral(redis: Redis) {
  it('answers a pipeline in order, failed items among the others', async ({ expect }) => {
    const body = [['SET', 'k', 'x'], ['INCR', 'k'], ['INCR'], ['GET', 'k']]
    const answer = await call(redis(), '/pipeline', { body })
    expect([answer.status, JSON.parse(answer.text)]).toEqual([
      200,
      [
        { result: 'OK' },
        { error: NOT_AN_INTEGER },
        { error: "ERR wrong number of arguments for 'incr' command" },
        { result: 'x' },
      ],
    ])
  })

  it('runs a transaction on past a command that fails', async ({ expect }) => {
    const body = [
      ['SET', 'k', 'x'],
      ['INCR', 'k'],
      ['GET', 'k'],
    ]
    const answer = await call(redis(), '/multi-exec', { body, headers: BASE64 })
    expect([answer.status, JSON.parse(answer.text)]).toEqual([
      200,
      [{ result: 'OK' }, { error: NOT_AN_INTEGER }, { result: 'eA==' }],
    ])
  })

  it('discards a transaction with a malformed command, whole', async ({ expect }) => {
    const answer = await call(redis(), '/multi-exec', { body: [['SET', 'k', 'x'], ['INCR']] })
    expect([answer.status, answer.text]).toEqual([
      400,
      '{"error":"EXECABORT Transaction discarded because of previous errors."}',
    ])
    expect(await redis().command('GET', 'k')).toBeNull()
  })
}

function carriesLoad(redis: Redis) {
  it('answers 128 callers at once, each with its own', async ({ expect }) => {
    const callers = Array.from({ length: 128 }, (_, index) => `caller-${index}`)
    const answers = await Promise.all(
      callers.map((name) => call(redis(), '/', { body: ['ECHO', name] })),
    )
    expect(answers.map((it) => it.text)).toEqual(callers.map((name) => `{"result":"${name}"}`))
  })

  it('carries a value of a megabyte', async ({ expect }) => {
    const value = 'é'.repeat(500_000)
    await call(redis(), '/', { body: ['SET', 'k', value] })
    const answer = await call(redis(), '/', { body: ['GET', 'k'] })
    expect(JSON.parse(answer.text)).toEqual({ result: value })
  })
}
