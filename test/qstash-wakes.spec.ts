import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, beforeEach, describe, it } from 'vitest'
import { MovableClock } from '../local/clock.ts'
import { startQstash } from '../local/stand-ins/qstash/index.ts'
import { qstashWakes } from '../shared/adapters/qstash-wakes.ts'
import { EventId } from '../shared/domain/webhook-event.ts'
import { close, listen } from './sdk/support/serve.ts'
import { startDestination } from './support/qstash.ts'

type Message = { destination: string; headers: Record<string, string>; body: string }
type Reply = { status: number; body: string } | 'dropped' | 'never'

const ORIGIN = 'https://edge.example'
const SECOND = 1_795_176_000

/** The calls of this test, in order; each is a batch. */
const batches: Message[][] = []
const calls: string[] = []
let reply: (batch: Message[], nth: number) => Reply

const server = createServer(async (request, response) => {
  const { method, url, headers } = request
  const batch = JSON.parse(await text(request))
  calls.push(`${method} ${url} ${headers.authorization} ${headers['content-type']}`)
  batches.push(batch)
  const given = reply(batch, batches.length)
  if (given === 'never') return
  if (given === 'dropped') response.destroy()
  else response.writeHead(given.status).end(given.body)
})

let url: string
beforeAll(async () => {
  url = await listen(server)
})
beforeEach(() => {
  batches.length = 0
  calls.length = 0
  reply = takeAll
})
afterAll(() => close(server))

const taken = (count: number) => Array.from({ length: count }, () => ({ messageId: randomUUID() }))
const ok = (body: unknown): Reply => ({ status: 200, body: JSON.stringify(body) })
const takeAll = (batch: Message[]) => ok(taken(batch.length))

/** The wakes of a new isolate. */
const wakes = () => qstashWakes({ url, token: 'token-of-this-test', origin: ORIGIN })
const wake = { region: 'oslo', shard: 7, second: SECOND }
const deliveries = (count: number) =>
  Array.from({ length: count }, () => ({ eventId: EventId.parse(randomUUID()), attempt: 2 }))

describe('a wake', () => {
  it('of a shard says where to look, and when: after its second', async ({ expect }) => {
    expect(await wakes().wakeShard(wake)).toBe(true)

    expect(calls).toEqual(['POST /v2/batch Bearer token-of-this-test application/json'])
    expect(batches).toEqual([
      [
        {
          destination: `${ORIGIN}/internal/settlements`,
          headers: {
            'Content-Type': 'application/json',
            'Upstash-Deduplication-Id': `shard-oslo-7-${SECOND}`,
            'Upstash-Timeout': '60s',
            'Upstash-Not-Before': `${SECOND + 1}`,
          },
          body: '{"region":"oslo","shard":7}',
        },
      ],
    ])
  })

  it('is another one in another second, shard or region', async ({ expect }) => {
    const { wakeShard } = wakes()
    const others = [{ second: SECOND + 1 }, { shard: 8 }, { region: 'lima' }]
    for (const other of [{}, ...others]) await wakeShard({ ...wake, ...other })

    const ids = batches.flat().map(({ headers }) => headers['Upstash-Deduplication-Id'])
    expect(new Set(ids).size).toBe(4)
  })

  it('of the outbox is asked for once a second by an isolate', async ({ expect }) => {
    const { wakeOutbox } = wakes()
    for (const second of [SECOND, SECOND, SECOND + 1]) {
      expect(await wakeOutbox(second)).toBe(true)
    }

    const sent = batches
      .flat()
      .map(({ destination, headers, body }) => [
        destination,
        headers['Upstash-Deduplication-Id'],
        headers['Upstash-Not-Before'],
        body,
      ])
    const of = (second: number) => [
      `${ORIGIN}/internal/webhooks`,
      `outbox-${second}`,
      `${second + 1}`,
      `{"outbox":${second}}`,
    ]
    expect(sent).toEqual([of(SECOND), of(SECOND + 1)])
  })

  it('by several isolates in one second is one message, once that second is over', async ({
    expect,
  }) => {
    const clock = new MovableClock()
    const qstash = await startQstash({ clock })
    const edge = await startDestination()
    const isolate = () => qstashWakes({ url: qstash.url, token: qstash.token, origin: edge.url })
    const second = Math.floor(clock.now() / 1000) + 60
    const arrived = () => edge.at('/internal/settlements')

    const accepted = [1, 2, 3].map(() => isolate().wakeShard({ ...wake, second }))
    expect(await Promise.all(accepted)).toEqual([true, true, true])
    clock.advance((second - 1) * 1_000 - clock.now())
    await qstash.settle()
    const early = arrived().length
    clock.advance(3_000)
    await qstash.settle()

    expect(early).toBe(0)
    expect(arrived().map(({ body }) => body.toString())).toEqual(['{"region":"oslo","shard":7}'])
    await Promise.all([qstash.stop(), edge.stop()])
  })
})

describe('deliveries', () => {
  it('go out at once, a hundred in a call, each known by its event and attempt', async ({
    expect,
  }) => {
    const asked = deliveries(250)

    expect(await wakes().publishWebhooks(asked)).toBe(true)

    expect(batches.map(({ length }) => length)).toEqual([100, 100, 50])
    expect(batches.flat()).toEqual(
      asked.map(({ eventId, attempt }) => ({
        destination: `${ORIGIN}/internal/webhooks`,
        headers: {
          'Content-Type': 'application/json',
          'Upstash-Deduplication-Id': `${eventId}-${attempt}`,
          'Upstash-Timeout': '60s',
        },
        body: JSON.stringify({ eventId, attempt }),
      })),
    )
  })

  it('of which one call was refused are not accepted; the others are made, none twice', async ({
    expect,
  }) => {
    reply = (batch, nth) => (nth === 2 ? { status: 500, body: '' } : takeAll(batch))

    expect(await wakes().publishWebhooks(deliveries(250))).toBe(false)

    expect(batches.map(({ length }) => length)).toEqual([100, 100, 50])
  })

  it('that are none need no call', async ({ expect }) => {
    expect(await wakes().publishWebhooks([])).toBe(true)
    expect(batches).toEqual([])
  })
})

describe('what QStash does not take for certain is not accepted, and not sent again', () => {
  const partly =
    (body: unknown): (() => Reply) =>
    () =>
      ok(body)

  it.for<[string, () => Reply]>([
    ['429', () => ({ status: 429, body: '{"error":"quota"}' })],
    ['500', () => ({ status: 500, body: JSON.stringify(taken(2)) })],
    ['401', () => ({ status: 401, body: '' })],
    ['a dropped connection', () => 'dropped'],
    ['no JSON', () => ({ status: 200, body: '<html>' })],
    ['another form', partly({ messageId: 'one' })],
    ['an answer for one of two', partly(taken(1))],
    ['an error for one of two', partly([...taken(1), { error: 'quota' }])],
    ['an answer for nothing', partly([])],
    ['silence for five seconds', () => 'never'],
  ])('%s', async ([, told], { expect }) => {
    reply = told

    expect(await wakes().publishWebhooks(deliveries(2))).toBe(false)

    expect(calls).toHaveLength(1)
  })

  it('a wake of a shard either', async ({ expect }) => {
    reply = () => ({ status: 429, body: '' })

    expect(await wakes().wakeShard(wake)).toBe(false)

    expect(calls).toHaveLength(1)
  })
})
