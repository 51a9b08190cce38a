import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, it } from 'vitest'
import type { WalletId } from '../shared/domain/ids.ts'
import { shardOf } from '../shared/domain/lease.ts'
import {
  Caller,
  digestOf,
  forgeries,
  KEYS,
  ROUTES,
  type Route,
  texts,
} from './support/callbacks.ts'
import type { Answer } from './support/http.ts'
import { countSettled, openBorrower, payAsync, streamOf } from './support/promises.ts'
import { openWebhookWorld, type Told, type WebhookWorld } from './support/webhooks.ts'
import { type Agent, type Endpoint, openWorld, type World } from './support/world.ts'

const [WEBHOOKS, SETTLEMENTS] = ROUTES

let world: World
let hooks: WebhookWorld
let told: Told
let borrower: Agent
let endpoint: Endpoint
/** Payments of this file that are promised, and how many records waited when its stories began. */
let promised: string[]
let before: number
let callers: Record<Route, Caller>

beforeAll(async () => {
  world = await openWorld({
    bindings: {
      QSTASH_CURRENT_SIGNING_KEY: KEYS.current,
      QSTASH_NEXT_SIGNING_KEY: KEYS.next,
    },
  })
  callers = {
    [WEBHOOKS]: new Caller(world, WEBHOOKS),
    [SETTLEMENTS]: new Caller(world, SETTLEMENTS),
  }
  hooks = await openWebhookWorld(world)
  told = await hooks.told()
  await hooks.pay(told)
  endpoint = await world.endpoint()
  borrower = await openBorrower(world, { endpoint })
  promised = [await promise()]
  before = await waiting()
})
afterAll(() => hooks.close())

/** Promises a payment that waits in its stream: no wake but one of this file is let in. */
async function promise(): Promise<string> {
  const paid = await payAsync(world, { agent: borrower, endpoint })
  return paid.body.paymentId
}

const waiting = async () => Number(await world.payos.redis.command('XLEN', streamOf(borrower)))

/** A callback that would do what waits if it were let in. */
async function callbackTo(path: Route): Promise<string> {
  if (path === SETTLEMENTS) return wake()
  const [event] = await hooks.events(told)
  return JSON.stringify({ eventId: event?.id, attempt: event?.attempt })
}

const wake = () =>
  JSON.stringify({ region: 'local', shard: shardOf(borrower.walletId as WalletId) })

const told401 = (answer: Answer) => [
  answer.status,
  answer.body.code,
  answer.body.detail,
  world.tripsOf(answer),
]
const refused = [401, 'signature_invalid', 'This route takes callbacks of QStash only.', []]

describe.for(ROUTES)('a callback to %s', (path) => {
  it.for(forgeries)('with %s is refused before any work', async ([, forge], { expect }) => {
    const forgery = forge({ path, issuer: world.payos.issuer })

    const answer = await callers[path].call(await callbackTo(path), forgery)

    expect(told401(answer)).toEqual(refused)
  })

  it.for(texts)('with %s is refused before any work', async ([, textOf], { expect }) => {
    const body = await callbackTo(path)
    const caller = callers[path]
    const signature = textOf({
      signed: await caller.sign(body),
      unsecured: caller.unsecured(body),
    })

    expect(told401(await caller.send(body, signature))).toEqual(refused)
  })

  it('that is too long to be one is refused, whoever signed it', async ({ expect }) => {
    const body = JSON.stringify({ outbox: 1, padding: 'x'.repeat(70_000) })

    expect(told401(await callers[path].call(body))).toEqual(refused)
  })

  it('of the wrong method is refused', async ({ expect }) => {
    const answer = await world.get(path)

    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'POST'])
  })
})

describe('no forgery', () => {
  it('delivered the event, or settled the promise', async ({ expect }) => {
    expect(told.received()).toEqual([])
    expect(await hooks.events(told)).toMatchObject([{ state: 'pending', attempt: 1 }])
    expect([await waiting(), await countSettled(world, promised)]).toEqual([before, 0])
  })
})

describe('a wake of a shard', () => {
  it('settles what waits there, once: its repeat is refused', async ({ expect }) => {
    const caller = callers[SETTLEMENTS]
    const signature = await caller.sign(wake())

    const first = await caller.send(wake(), signature)
    promised.push(await promise())
    const repeat = await caller.send(wake(), signature)

    expect([first.status, first.body]).toEqual([200, { settled: before, setAside: 0, waiting: 0 }])
    expect(told401(repeat)).toEqual(refused)
    expect([await waiting(), await countSettled(world, promised)]).toEqual([1, 1])
  })

  it('by the next key settles too', async ({ expect }) => {
    const answer = await callers[SETTLEMENTS].call(wake(), { key: KEYS.next })

    expect([answer.status, answer.body]).toEqual([200, { settled: 1, setAside: 0, waiting: 0 }])
    expect(await countSettled(world, promised)).toBe(promised.length)
  })

  it('where nothing waits changes nothing', async ({ expect }) => {
    const answer = await callers[SETTLEMENTS].call(wake())

    expect([answer.status, answer.body]).toEqual([200, { settled: 0, setAside: 0, waiting: 0 }])
  })
})

describe('a delivery', () => {
  const send = (body: string, signature?: string) => callers[WEBHOOKS].send(body, signature)

  it('is made for the current key, once, and its repeat is refused', async ({ expect }) => {
    const body = await callbackTo(WEBHOOKS)
    const signature = await callers[WEBHOOKS].sign(body)

    const first = await send(body, signature)
    const repeat = await send(body, signature)

    expect([first.status, first.body]).toEqual([200, { outcome: 'delivered', answer: '204' }])
    expect(told401(repeat)).toEqual(refused)
    expect(told.received()).toHaveLength(1)
  })

  it.for([
    ['by the next key', {}],
    ['whose time is four seconds past its end', { seconds: -304 }],
    ['whose time has come for us in four seconds', { seconds: 4 }],
    [
      'that was signed without padding',
      { claims: { body: digestOf('{"outbox":7}').slice(0, -1) } },
    ],
  ] as const)('%s is taken', async ([, forgery], { expect }) => {
    const answer = await callers[WEBHOOKS].call('{"outbox":7}', { key: KEYS.next, ...forgery })

    expect([answer.status, answer.body]).toEqual([200, { sent: 0 }])
  })

  it('for an attempt that is over changes nothing, however late it comes', async ({ expect }) => {
    const [event] = await hooks.events(told)
    await world.advance(3 * 86_400_000)

    for (const attempt of [1, 2, 0]) {
      const answer = await callers[WEBHOOKS].call(JSON.stringify({ eventId: event?.id, attempt }))
      expect([answer.status, answer.body]).toEqual([200, { outcome: 'over' }])
    }
    expect(told.received()).toHaveLength(1)
  })

  it('for an event nobody knows changes nothing', async ({ expect }) => {
    const body = JSON.stringify({ eventId: randomUUID(), attempt: 1 })

    const answer = await callers[WEBHOOKS].call(body)

    expect([answer.status, answer.body]).toEqual([200, { outcome: 'over' }])
  })
})

/** Bodies nobody reads, by the route they come to. */
const unreadable: [Route, string][] = [
  ...['{}', '[]', 'null', 'no json', ''].flatMap((body): [Route, string][] => [
    [WEBHOOKS, body],
    [SETTLEMENTS, body],
  ]),
  [WEBHOOKS, '{"eventId":"1","attempt":1}'],
  [WEBHOOKS, '{"outbox":1,"outbox":2}'],
  [WEBHOOKS, '{"outbox":1,"more":2}'],
  [WEBHOOKS, '{"region":"local","shard":1}'],
  [SETTLEMENTS, '{"outbox":1}'],
  [SETTLEMENTS, '{"region":"mars","shard":1}'],
  [SETTLEMENTS, '{"region":"local","shard":64}'],
  [SETTLEMENTS, '{"region":"local","shard":-1}'],
  [SETTLEMENTS, '{"region":"local","shard":1.5}'],
  [SETTLEMENTS, '{"region":"local"}'],
  [SETTLEMENTS, '{"region":"local","shard":1,"more":2}'],
  [SETTLEMENTS, '{"region":"local","shard":1,"shard":2}'],
]

describe('a callback with a body nobody reads', () => {
  it.for(unreadable)('is put aside, not repeated: to %s, %s', async ([path, body], { expect }) => {
    const answer = await callers[path].call(body)

    expect([answer.status, answer.headers.get('upstash-nonretryable-error')]).toEqual([489, 'true'])
    expect(world.tripsOf(answer)).toEqual([])
  })
})
