import { randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { makeApiKey } from '../shared/domain/api-key.ts'
import type { Answer, Body } from './support/http.ts'
import { makeSigner, signPayment } from './support/signer.ts'
import { type Agent, type Endpoint, openWorld, type World } from './support/world.ts'

let world: World
let agent: Agent
let endpoint: Endpoint

beforeAll(async () => {
  world = await openWorld()
  ;[agent, endpoint] = [await world.agent({ signs: true }), await world.endpoint()]
})
afterAll(() => world.close())

/** Values told apart from all others, each with the place it was put in. */
const canaries = new Map<string, string>()

function canary(place: string): string {
  const value = `canary${randomBytes(8).toString('hex')}`
  canaries.set(value, place)
  return value
}

/** What none may tell: where these texts, or long parts of them, are found in others. */
function leaks(secrets: ReadonlyMap<string, string>, texts: readonly string[]): string[] {
  const told = texts.join('\n')
  return [...secrets].filter(([secret]) => told.includes(secret)).map(([, place]) => place)
}

const logs = () => world.payos.edges.logs()

const metrics = async () =>
  (await world.get('/v1/metrics', { key: world.payos.secrets.metricsToken })).text

/** Headers a request may carry, with a canary in each. */
const headers = (): Record<string, string> => ({
  'user-agent': canary('User-Agent'),
  cookie: `session=${canary('Cookie')}`,
  referer: `https://${canary('Referer')}.example/`,
  'x-forwarded-for': canary('X-Forwarded-For'),
  'cf-connecting-ip': canary('CF-Connecting-IP'),
  'x-request-id': canary('X-Request-Id'),
  traceparent: canary('traceparent'),
  'idempotency-key': canary('Idempotency-Key'),
  'accept-language': canary('Accept-Language'),
})

/** One request for each way a payment or a proof can fail, canaries in all it sends. */
async function failEveryWay(): Promise<Answer[]> {
  const strange = makeApiKey({ kind: 'agent', environment: 'test', random: randomBytes(96) })
  canaries.set(strange, 'an unknown key')
  const order = (over: Body = {}) =>
    world.payBody({ ...agent, signer: undefined }, endpoint, { body: over })
  const pay = async (body: Body | string, key = agent.apiKey) =>
    world.post('/v1/x402/pay', body, { key, headers: headers() })
  const members = Object.keys(await order())

  const answers = [
    await pay(await order(), strange),
    await pay(await order(), canary('a key of no form')),
    await pay(await order({ signature: canary('signature') })),
    await pay(signPayment(await order(), await makeSigner(), canary('issuer'))),
    await pay(canary('text')),
    await pay(`{"amount":${canary('a bare word')}}`),
    await world.verify({ proof: canary('proof') }),
    await world.verify({ proof: `${canary('header')}.${canary('claims')}.${canary('mac')}` }),
    await world.get(`/v1/${canary('path')}?token=${canary('query')}`, { headers: headers() }),
    await world.get(`/v1/x402/payments/${canary('payment')}`, { key: strange }),
    await world.get('/v1/metrics', { key: canary('metrics token') }),
  ]
  for (const member of members) answers.push(await pay(await order({ [member]: canary(member) })))
  for (const kind of ['garbage', 'drop', 'status'] as const) {
    const effect = kind === 'status' ? { kind, status: 500, body: canary('database') } : { kind }
    world.payos.postgrest.faults.add({ effect })
    answers.push(await world.pay(agent, endpoint, { headers: { cookie: canary('Cookie') } }))
  }
  return answers
}

describe('what a request carries', () => {
  it('is in no log line, no metric and no refusal', async ({ expect }) => {
    const answers = await failEveryWay()
    const texts = answers.map(({ text, headers: sent }) => `${text}${JSON.stringify([...sent])}`)

    expect(answers.every(({ status }) => status >= 200)).toBe(true)
    expect(answers.filter(({ status }) => status >= 400).length).toBe(answers.length - 2)
    expect(canaries.size).toBeGreaterThan(150)
    expect(leaks(canaries, texts)).toEqual([])
    expect(leaks(canaries, [await metrics()])).toEqual([])
    expect(leaks(canaries, logs())).toEqual([])
  })

  it('that succeeds is in no log line and no metric either', async ({ expect }) => {
    const [requestId, resource] = [canary('requestId'), `${endpoint.url}?q=${canary('resource')}`]
    const paid = await world.pay(agent, endpoint, { requestId, body: { resource } })
    const attemptId = canary('attemptId')
    const { apiKey } = endpoint.provider
    const claim = { proof: paid.body.proof, endpointId: endpoint.id, consume: true, attemptId }
    const claimed = await world.verify(claim, { key: apiKey })

    expect([paid.status, claimed.body.valid]).toEqual([200, true])
    const carried = new Map([
      ...canaries,
      [paid.body.proof.split('.')[2], 'the proof'],
      [agent.apiKey.slice(25), "the agent's key"],
      [apiKey.slice(25), "the provider's key"],
    ])
    expect(leaks(carried, [...logs(), await metrics()])).toEqual([])
  })
})

describe('what a deployment keeps secret', () => {
  it('is in no answer, no log line and no metric', async ({ expect }) => {
    const { proofKeys, ...rest } = world.payos.secrets
    const secrets = new Map(Object.entries(rest).map(([name, value]) => [value, name]))
    secrets.set(JSON.parse(proofKeys)[0].d, 'the private proof key')
    const answers = await failEveryWay()
    const open = ['/.well-known/jwks.json', '/ready', '/problems', '/health', '/']
    for (const path of open) answers.push(await world.get(path))

    expect(
      leaks(secrets, [...answers.map(({ text }) => text), ...logs(), await metrics()]),
    ).toEqual([])
  })
})

describe('a log line', () => {
  it('is written for each refusal: id, route, code and status, no more', async ({ expect }) => {
    const answer = await world.pay(agent, endpoint, {
      body: { amount: '9' },
      requestId: randomUUID(),
    })
    const requestId = answer.headers.get('x-request-id') ?? ''

    await expect
      .poll(() => logs().filter((line) => line.includes(requestId)), { timeout: 20_000 })
      .toHaveLength(1)
    const [line] = logs().filter((it) => it.includes(requestId))
    expect(JSON.parse(line ?? '')).toEqual({
      requestId,
      route: 'pay',
      code: answer.body.code,
      status: answer.status,
    })
  })

  it('is JSON, each of them', ({ expect }) => {
    expect(logs().length).toBeGreaterThan(20)
    for (const line of logs()) expect(() => JSON.parse(line)).not.toThrow()
  })
})
