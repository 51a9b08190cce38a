import { randomUUID } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, describe, it } from 'vitest'
import type { Body } from './support/http.ts'
import { expectMalformed, expectProblem } from './support/problems.ts'
import { sendRaw } from './support/raw.ts'
import { type Agent, type Endpoint, openWorld, type World } from './support/world.ts'

let world: World
let agent: Agent
let endpoint: Endpoint

beforeAll(async () => {
  world = await openWorld()
  ;[agent, endpoint] = [await world.agent(), await world.endpoint()]
})
afterEach(async ({ expect }) => {
  expect(await world.imbalances()).toEqual([])
})
afterAll(() => world.close())

const order = (): Body => ({
  endpointId: endpoint.id,
  walletId: agent.walletId,
  amount: '0.001',
  currency: 'USDC',
  requestId: randomUUID(),
  timestamp: Math.floor(world.payos.clock.now() / 1000),
  method: 'GET',
})

const proofCheck = (): Body => ({ proof: 'a.b.c', endpointId: endpoint.id })

const send = (route: string, body: string | Uint8Array<ArrayBuffer>, headers = {}) =>
  sendRaw(world, `/v1/x402/${route}`, {
    method: 'POST',
    body,
    headers: {
      'content-type': 'application/json',
      'x-api-key': route === 'pay' ? agent.apiKey : endpoint.provider.apiKey,
      ...headers,
    },
  })

describe.each(['pay', 'verify'])('the body of POST /%s', (route) => {
  const valid = () => JSON.stringify(route === 'pay' ? order() : proofCheck())
  const bytes = (text: string) => Buffer.from(text)

  it.for<[string, () => string | Uint8Array<ArrayBuffer>]>([
    ['nothing', () => ''],
    ['white space', () => ' \n\t'],
    ['no JSON', () => 'amount=0.001'],
    ['JSON with a comma too many', () => valid().replace('}', ',}')],
    ['JSON cut off', () => valid().slice(0, -5)],
    ['two documents', () => `${valid()}${valid()}`],
    ['a list', () => `[${valid()}]`],
    ['text', () => '"pay"'],
    ['a number', () => '42'],
    ['null', () => 'null'],
    ['NaN', () => 'NaN'],
    ['a byte order mark before it', () => bytes(`\ufeff${valid()}`)],
    ['UTF-16', () => Buffer.from(valid(), 'utf16le')],
    [
      'bytes that are no UTF-8',
      () => bytes(valid().replace('{', '{"a":"\u0080",')).map((it) => (it === 0xc2 ? 0xff : it)),
    ],
    ['a lone surrogate', () => valid().replace('{', '{"a":"\\ud800",')],
    ['a surrogate as a name', () => valid().replace('{', '{"\\udfff":1,')],
    ['100 000 levels of arrays', () => `${'['.repeat(30_000)}${']'.repeat(30_000)}`],
    ['17 levels of objects', () => `${'{"a":'.repeat(17)}1${'}'.repeat(17)}`],
  ])('is refused when it is %s', async ([, body], { expect }) => {
    expectMalformed(expect, await send(route, body()), 'body')
  })

  it('is refused when it is one byte longer than 64 KiB', async ({ expect }) => {
    const answer = await send(route, valid().padEnd(2 ** 16 + 1))
    expectProblem(expect, answer)
    expect([answer.status, answer.body.code]).toEqual([413, 'body_too_large'])
    expect(answer.body.param).toBe('body')
  })

  it('is not read to its end when it has 5 MiB: it is refused, or cut off', async ({ expect }) => {
    const answer = await send(route, valid().padEnd(5 * 2 ** 20)).catch(() => undefined)
    expect(answer?.status ?? 413).toBe(413)
    expect((await send(route, valid())).status).toBe(200)
  })

  it('is taken at 64 KiB', async ({ expect }) => {
    expect((await send(route, valid().padEnd(2 ** 16))).status).toBe(200)
  })

  it.for<[string, Record<string, string>]>([
    ['text/plain', { 'content-type': 'text/plain' }],
    ['a form', { 'content-type': 'application/x-www-form-urlencoded' }],
    ['nothing', { 'content-type': '' }],
    ['JSON in another charset', { 'content-type': 'application/json; charset=latin1' }],
    ['a suffix of JSON', { 'content-type': 'application/merge-patch+json' }],
    ['gzip', { 'content-encoding': 'gzip' }],
  ])('is refused when it is sent as %s', async ([, headers], { expect }) => {
    const isZipped = headers['content-encoding'] === 'gzip'
    for (const body of isZipped
      ? [gzipSync(' '.repeat(2 ** 24)), gzipSync(valid()), valid()]
      : [valid()]) {
      const answer = await send(route, body, headers)
      expectProblem(expect, answer)
      expect([answer.status, answer.body.code]).toEqual([415, 'unsupported_media_type'])
      expect(answer.body.param).toBe(Object.keys(headers)[0])
      expect(answer.body.hint).toContain('application/json')
    }
  })

  it.for(['application/json; charset=utf-8', 'Application/JSON;charset="UTF-8"'])(
    'is taken as %s',
    async (type, { expect }) => {
      expect((await send(route, valid(), { 'content-type': type })).status).toBe(200)
    },
  )
})

describe('an Idempotency-Key', () => {
  it.for(['bare', '"quoted"'])('stands for the requestId: %s', async (key, { expect }) => {
    const { requestId: _, ...rest } = order()
    const answer = await send('pay', JSON.stringify(rest), { 'idempotency-key': key })
    expect([answer.status, answer.body.requestId]).toEqual([200, key.replaceAll('"', '')])
    const again = await send('pay', JSON.stringify({ ...rest, requestId: answer.body.requestId }))
    expect([again.status, again.body.replayed]).toEqual([200, true])
  })

  it('may say the same as the requestId', async ({ expect }) => {
    const body = order()
    const answer = await send('pay', JSON.stringify(body), {
      'idempotency-key': `"${body['requestId']}"`,
    })
    expect(answer.status).toBe(200)
  })

  it.for(['another', '"another"', '"', '', 'a, b', 'é'])(
    'may not contradict it: %s',
    async (key, { expect }) => {
      const answer = await send('pay', JSON.stringify(order()), { 'idempotency-key': key })
      expectMalformed(expect, answer, 'requestId')
    },
  )

  it.for(['a b', '"a', `${'a'.repeat(65)}`, 'a, a'])(
    'has the form of a requestId: %s',
    async (key, { expect }) => {
      const { requestId: _, ...rest } = order()
      expectMalformed(
        expect,
        await send('pay', JSON.stringify(rest), { 'idempotency-key': key }),
        'requestId',
      )
    },
  )
})
