import { randomUUID } from 'node:crypto'
import { SignJWT } from 'jose'
import { afterAll, afterEach, beforeAll, describe, it } from 'vitest'
import type { Fault } from '../local/stand-ins/faults.ts'
import { type Agent, type Endpoint, openWorld, type World } from './support/world.ts'

const SETTLE = 'settle_x402_payment'

let world: World
let agent: Agent
let endpoint: Endpoint

beforeAll(async () => {
  world = await openWorld({ locations: ['lima', 'oslo'] })
  agent = await world.agent()
  endpoint = await world.endpoint()
})
afterEach(async ({ expect }) => {
  world.payos.redis.faults.clear()
  world.payos.postgrest.faults.clear()
  expect(await world.imbalances()).toEqual([])
})
afterAll(() => world.close())

const paymentsNamed = async (requestId: string) =>
  (await world.paymentsOf(agent)).filter((payment) => payment.request_id === requestId)

describe('when the ledger settled and its answer was lost', () => {
  const losses: [string, Fault['effect']][] = [
    ['the connection dropped', { kind: 'drop' }],
    ['the answer was garbage', { kind: 'garbage' }],
    ['the gateway answered 502', { kind: 'status', status: 502, body: '<html>bad gateway</html>' }],
    ['the gateway answered 500', { kind: 'status', status: 500, body: '{"code":"XX000"}' }],
  ]

  it.for(losses)(
    'calls the outcome unknown, and answers the same payment next: %s',
    async ([, effect], { expect }) => {
      const requestId = randomUUID()
      world.payos.postgrest.faults.add({ match: SETTLE, when: 'after', effect })

      const lost = await world.pay(agent, endpoint, { requestId })
      const found = await world.get(`/v1/x402/payments/${lost.body.payment_id}`, {
        key: agent.apiKey,
      })
      const next = await world.pay(agent, endpoint, { requestId })

      expect([lost.status, lost.body.code, lost.body.retry]).toEqual([
        504,
        'outcome_unknown',
        'same_request',
      ])
      expect(lost.headers.get('location')).toBe(`/v1/x402/payments/${lost.body.payment_id}`)
      expect(found.body).toMatchObject({ paymentId: lost.body.payment_id, status: 'settled' })
      expect([next.status, next.body.paymentId, next.body.replayed]).toEqual([
        200,
        lost.body.payment_id,
        true,
      ])
      expect(await paymentsNamed(requestId)).toHaveLength(1)
    },
  )

  it('finds the payment by wallet and request id as well', async ({ expect }) => {
    const requestId = randomUUID()
    world.payos.postgrest.faults.add({ match: SETTLE, when: 'after', effect: { kind: 'drop' } })
    const lost = await world.pay(agent, endpoint, { requestId })

    const path = `/v1/x402/payments?walletId=${agent.walletId}&requestId=${requestId}`
    const found = await world.get(path, { key: agent.apiKey })

    expect([found.status, found.body.paymentId]).toEqual([200, lost.body.payment_id])
  })
})

describe('when the ledger did not settle', () => {
  const certain = ['PGRST000', 'PGRST002', 'PGRST003', '40001', '40P01', '53300', '57014', '42501']

  it.for(certain)('says so, with no proof and no charge: %s', async (code, { expect }) => {
    const requestId = randomUUID()
    const body = JSON.stringify({ code, message: 'a secret of the database', details: null })
    world.payos.postgrest.faults.add({
      match: SETTLE,
      effect: { kind: 'status', status: 503, body },
    })

    const answer = await world.pay(agent, endpoint, { requestId })

    expect([answer.status, answer.body.code]).toEqual([503, 'dependency_unavailable'])
    expect(answer.headers.get('retry-after')).toBe('1')
    expect(answer.text).not.toMatch(/secret|proof"|PGRST|database/)
    expect(await paymentsNamed(requestId)).toEqual([])
  })

  it('answers wallet_busy when the wallet stays locked', async ({ expect }) => {
    const waiting = world.database.sql.begin(async (sql) => {
      await sql`select from ledger.wallets where id = ${agent.walletId} for update`
      return world.pay(agent, endpoint)
    })

    const answer = await waiting

    expect([answer.status, answer.body.code, answer.body.retry]).toEqual([
      503,
      'wallet_busy',
      'same_request',
    ])
  })
})

describe('when the ledger no longer knows its edge', () => {
  it('calls every outcome unknown, and settles the same request once it does', async ({
    expect,
  }) => {
    const { jwtSecret, edgeToken } = world.payos.secrets
    const over = await new SignJWT({ role: 'x402_edge', exp: 1 })
      .setProtectedHeader({ alg: 'HS256' })
      .sign(new TextEncoder().encode(jwtSecret))
    const requestId = randomUUID()

    await world.payos.edges.setBindings({ EDGE_DATABASE_TOKEN: over })
    const refused = await world.pay(agent, endpoint, { requestId })
    await world.payos.edges.setBindings({ EDGE_DATABASE_TOKEN: edgeToken })
    const settled = await world.pay(agent, endpoint, { requestId })

    expect([refused.status, refused.body.code]).toEqual([504, 'outcome_unknown'])
    expect([settled.status, settled.body.replayed]).toEqual([200, false])
    expect(settled.body.paymentId).toBe(refused.body.payment_id)
  })
})

describe('when Redis is in trouble', () => {
  const troubles: [string, Fault][] = [
    ['down', { times: 0, effect: { kind: 'drop' } }],
    ['slow (10 s)', { times: 0, effect: { kind: 'delay', ms: 10_000 } }],
    ['answering garbage', { times: 0, effect: { kind: 'garbage' } }],
    ['answering errors', { times: 0, effect: { kind: 'status', status: 500 } }],
    ['refusing the token', { times: 0, effect: { kind: 'status', status: 401 } }],
  ]

  it.for(troubles)('pays as ever, in one trip: %s', async ([, fault], { expect }) => {
    world.payos.redis.faults.add(fault)
    const requestId = randomUUID()

    const paid = await world.pay(agent, endpoint, { requestId })
    const started = performance.now()
    const again = await world.pay(agent, endpoint, { requestId })
    const took = performance.now() - started

    expect(paid.status).toBe(200)
    expect(paid.headers.get('server-timing')).toMatch(/^database;dur=[\d.]+$/)
    expect([again.status, again.body.paymentId]).toEqual([200, paid.body.paymentId])
    expect(took).toBeLessThan(2_000)
  })

  it('is left alone after three failures, and asked again after five seconds', async ({
    expect,
  }) => {
    await world.advance(6_000)
    world.payos.redis.faults.add({ times: 0, effect: { kind: 'drop' } })
    const requestId = randomUUID()
    for (let at = 0; at < 4; at++) await world.pay(agent, endpoint, { requestId })

    const during = await world.pay(agent, endpoint, { requestId })
    world.payos.redis.faults.clear()
    await world.advance(6_000)
    const { again: after } = await world.payTwice(agent, endpoint)

    expect(during.headers.get('server-timing')).toMatch(/^database;/)
    expect(after.headers.get('server-timing')).toMatch(/^redis;/)
  })
})
