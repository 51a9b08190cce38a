import { createServer, type IncomingHttpHeaders } from 'node:http'
import { text } from 'node:stream/consumers'
import { Redis } from '@upstash/redis/cloudflare'
import { afterAll, beforeAll, beforeEach, describe, it } from 'vitest'
import { connect } from '../shared/adapters/redis-call.ts'
import { close, listen } from './sdk/support/serve.ts'

type Received = { method: string; url: string; headers: IncomingHttpHeaders; body: string }

const received: Received[] = []
let answer: { status: number; body: string } | 'dropped' | 'never'

const server = createServer(async (request, response) => {
  const { method = '', url = '', headers } = request
  received.push({ method, url, headers, body: await text(request) })
  if (answer === 'never') return
  if (answer === 'dropped') response.destroy()
  else response.writeHead(answer.status, { 'upstash-sync-token': 'told' }).end(answer.body)
})

let origin: string
beforeAll(async () => {
  origin = await listen(server)
})
beforeEach(() => {
  received.length = 0
})
afterAll(() => close(server))

const address = () => ({
  url: origin,
  token: 'token-of-this-test',
})

const ours = (timeoutMs = 5_000) => connect(address(), timeoutMs)

/** The vendor's client, as it was set up before decision 0041. */
const vendors = () =>
  new Redis({
    ...address(),
    retry: { retries: 0 },
    responseEncoding: false,
    enableAutoPipelining: false,
    automaticDeserialization: false,
    enableTelemetry: false,
  })

/** Headers that are ours to choose; the others are the runtime's, or name no encoding of answers. */
const sent = ({ method, url, headers, body }: Received) => ({
  ...{ method, url, body, authorization: headers.authorization },
  ...{ type: headers['content-type'], sync: headers['upstash-sync-token'] },
})

const result = (...results: unknown[]) => ({
  status: 200,
  body: JSON.stringify(results.length === 1 ? results[0] : results),
})

describe('the call of a Redis', () => {
  it('sends what the vendor’s client sends, and reads the same', async ({ expect }) => {
    const [us, them] = [ours(), vendors()]
    const script = 'return 1'
    const cases = [
      [() => us.call('get', 'k'), () => them.get('k'), { result: 'v' }],
      [
        () => us.call('set', 'k', '1', 'ex', 60),
        () => them.set('k', '1', { ex: 60 }),
        { result: 'OK' },
      ],
      [() => us.call('del', 'a', 'b'), () => them.del('a', 'b'), { result: 2 }],
      [() => us.call('hgetall', 'h'), () => them.hgetall('h'), { result: ['a', '1'] }],
      [
        () => us.run(script, ['k'], ['w', 7]),
        () => them.eval(script, ['k'], ['w', 7]),
        { result: null },
      ],
    ] as const
    for (const [byUs, byThem, told] of cases) {
      answer = result(told)
      expect(await byUs()).toEqual(await byThem())
      expect(sent(received[0] as Received)).toEqual(sent(received[1] as Received))
      received.length = 0
    }
  })

  it('sends several as one call, as the vendor’s client does', async ({ expect }) => {
    answer = result({ result: 'OK' }, { result: 3 })
    const told = await ours().callAll([
      ['set', 'k', 'v', 'exat', 99],
      ['hincrby', 'h', 'n', 3],
    ])
    const theirs = await vendors()
      .pipeline()
      .set('k', 'v', { exat: 99 })
      .hincrby('h', 'n', 3)
      .exec()
    expect(told).toEqual(theirs)
    expect(sent(received[0] as Received)).toEqual(sent(received[1] as Received))
  })

  it.for([
    ['an error', { status: 400, body: '{"error":"ERR of k"}' }],
    ['an error in a good answer', { status: 200, body: '{"error":"ERR of k"}' }],
    ['no JSON', { status: 200, body: '<html>' }],
    ['a dropped connection', 'dropped'],
  ] as const)(
    'fails at %s, once and without a word of the command',
    async ([, told], { expect }) => {
      answer = told
      const failure = await ours()
        .call('get', 'a-secret-key')
        .catch((cause: unknown) => cause)
      expect(failure).toBeInstanceOf(Error)
      expect(String(failure)).not.toMatch(/secret|ERR/)
      expect(received.length).toBe(1)
    },
  )

  it('fails whole when one of several is refused or missing', async ({ expect }) => {
    const twice = () =>
      ours().callAll([
        ['get', 'a'],
        ['get', 'b'],
      ])
    answer = result({ result: 'x' }, { error: 'ERR' })
    await expect(twice()).rejects.toThrow('Redis refused')
    answer = { status: 200, body: '[{"result":"x"}]' }
    await expect(twice()).rejects.toThrow('Redis refused')
  })

  it('waits no longer than it is told', async ({ expect }) => {
    answer = 'never'
    await expect(ours(20).call('get', 'k')).rejects.toThrow()
  })
})
