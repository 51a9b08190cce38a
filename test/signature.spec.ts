import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, it } from 'vitest'
import type { Answer, Body } from './support/http.ts'
import { makeSigner, type Signer, signPayment } from './support/signer.ts'
import { waitedFor } from './support/trips.ts'
import { type Agent, type Endpoint, openWorld, type World } from './support/world.ts'

const RESOURCE = 'https://api.example/weather?city=lima'

let world: World
let agent: Agent
let signer: Signer
let endpoint: Endpoint

beforeAll(async () => {
  world = await openWorld()
  ;[agent, endpoint] = [await world.agent({ signs: true }), await world.endpoint()]
  if (!agent.signer) throw new Error('the agent has no signer')
  signer = agent.signer
})
afterAll(() => world.close())

const seconds = (ahead = 0) => Math.floor(world.payos.clock.now() / 1000) + ahead

const order = (over: Body = {}): Body => ({
  endpointId: endpoint.id,
  walletId: agent.walletId,
  amount: '0.001',
  currency: 'USDC',
  requestId: randomUUID(),
  timestamp: seconds(),
  method: 'GET',
  resource: RESOURCE,
  settlement: 'sync',
  ...over,
})

const sign = (body: Body, by = signer, issuer = world.payos.issuer) => signPayment(body, by, issuer)

const post = (body: Body) => world.post('/v1/x402/pay', body, { key: agent.apiKey })

const told = ({ status, body }: Answer) => [status, body.code]

describe('an agent with a registered key', () => {
  it('pays by signing', async ({ expect }) => {
    expect((await post(sign(order()))).status).toBe(200)
  })

  it('must sign', async ({ expect }) => {
    const answer = await post(order())
    expect(told(answer)).toEqual([401, 'signature_required'])
    expect(answer.body.param).toBe('signature')
  })

  it('must sign by a key of its own', async ({ expect }) => {
    const stranger = await makeSigner()
    const colleague = (await world.agent({ signs: true })).signer
    for (const by of [stranger, colleague ?? stranger]) {
      expect(told(await post(sign(order(), by)))).toEqual([401, 'signature_invalid'])
    }
  })

  it('need not sign without a registered key, and is not vouched for by any other', async ({
    expect,
  }) => {
    const plain = await world.agent()
    const body = await world.payBody(plain, endpoint)
    const stranger = await makeSigner()

    const signed = await world.post(
      '/v1/x402/pay',
      signPayment(body, stranger, world.payos.issuer),
      {
        key: plain.apiKey,
      },
    )

    expect(told(signed)).toEqual([401, 'signature_invalid'])
    expect((await world.post('/v1/x402/pay', body, { key: plain.apiKey })).status).toBe(200)
  })

  it('must present the key that signed', async ({ expect }) => {
    const { publicJwk } = await makeSigner()
    const answer = await post({ ...sign(order()), publicKey: publicJwk })
    expect(told(answer)).toEqual([401, 'signature_invalid'])
    expect(waitedFor(answer)).toEqual([])
  })

  it('must sign for this edge', async ({ expect }) => {
    for (const issuer of ['https://edge.payos.live', `${world.payos.issuer}/`, '']) {
      const answer = await post(sign(order(), signer, issuer))
      expect(told(answer)).toEqual([401, 'signature_invalid'])
    }
  })

  it.for<[string, (body: Body) => Body]>([
    ['walletId', () => ({ walletId: randomUUID() })],
    ['endpointId', () => ({ endpointId: randomUUID() })],
    ['amount', () => ({ amount: '0.002' })],
    ['currency', () => ({ currency: 'EURC' })],
    ['requestId', () => ({ requestId: randomUUID() })],
    ['timestamp', () => ({ timestamp: seconds(5) })],
    ['method', () => ({ method: 'POST' })],
    ['resource', () => ({ resource: `${RESOURCE}2` })],
    ['no resource', () => ({ resource: undefined })],
    ['settlement', () => ({ settlement: 'async' })],
    ['signature', ({ signature }) => ({ signature: `B${`${signature}`.slice(1)}` })],
  ])('may alter nothing it signed: %s', async ([, change], { expect }) => {
    const signed = sign(order())
    const answer = await post({ ...signed, ...change(signed) })

    expect(told(answer)).toEqual([401, 'signature_invalid'])
    expect(waitedFor(answer)).toEqual([])
  })

  it.for<[string, (body: Body) => Body]>([
    ['an amount with zeros behind it', () => ({ amount: '0.0010' })],
    ['the method in lower case', () => ({ method: 'get' })],
    ['what is the default left out', () => ({ settlement: undefined })],
    [
      'the timestamp as RFC 3339',
      ({ timestamp }) => ({ timestamp: new Date(Number(timestamp) * 1000).toISOString() }),
    ],
    ['the timestamp as text', ({ timestamp }) => ({ timestamp: `${timestamp}` })],
  ])('may write the same otherwise: %s', async ([, change], { expect }) => {
    const signed = sign(order())
    expect((await post({ ...signed, ...change(signed) })).status).toBe(200)
  })

  it('may sign a repeat anew, with another time', async ({ expect }) => {
    const first = await post(sign(order({ requestId: 'renewed' })))
    const again = await post(sign(order({ requestId: 'renewed', timestamp: seconds(30) })))
    expect([again.status, again.body.paymentId]).toEqual([200, first.body.paymentId])
  })

  it('may not pay any more once its only key is revoked', async ({ expect }) => {
    const other = await world.agent({ signs: true })
    const pay = () => world.pay(other, endpoint)
    expect((await pay()).status).toBe(200)
    const { sql } = world.database
    await sql`select api.put_x402_signer(${other.id}, ${other.signer?.thumbprint ?? ''}, true)`

    expect(told(await pay())).toEqual([401, 'signature_invalid'])
    const unsigned = await world.pay({ ...other, signer: undefined }, endpoint)
    expect(told(unsigned)).toEqual([401, 'signature_required'])
  })

  it('signs for one wallet, not for another it has', async ({ expect }) => {
    const second = randomUUID()
    await world.operate('put_x402_wallet', [second, agent.id, 'USDC'])
    const answer = await post({ ...sign(order()), walletId: second })
    expect(told(answer)).toEqual([401, 'signature_invalid'])
  })
})

describe('the time of a request', () => {
  it.for([-298, 298])('may be %i s from now', async (ahead, { expect }) => {
    expect((await post(sign(order({ timestamp: seconds(ahead) })))).status).toBe(200)
  })

  it.for([-303, 303, -86_400])('may not be %i s from now', async (ahead, { expect }) => {
    const answer = await post(sign(order({ timestamp: seconds(ahead) })))
    expect(told(answer)).toEqual([401, 'timestamp_out_of_range'])
    expect([answer.body.param, answer.body.retry]).toEqual(['timestamp', 'fix'])
    expect(waitedFor(answer)).toEqual([])
  })

  it('ends the use of a captured request', async ({ expect }) => {
    const captured = sign(order())
    await world.advance(303_000)
    expect(told(await post(captured))).toEqual([401, 'timestamp_out_of_range'])
  })

  it('in milliseconds is recognised', async ({ expect }) => {
    const answer = await post(sign(order({ timestamp: world.payos.clock.now() })))
    expect([...told(answer), answer.body.param]).toEqual([400, 'malformed_request', 'timestamp'])
    expect(answer.body.detail).toContain('milliseconds')
  })
})

describe('an agent without a registered key', () => {
  it('may leave the signature out', async ({ expect }) => {
    expect((await world.pay(await world.agent(), endpoint)).status).toBe(200)
  })

  it('is held to a signature it sends', async ({ expect }) => {
    const plain = { ...(await world.agent()), signer }
    const body = await world.payBody(plain, endpoint)
    const answer = await world.post(
      '/v1/x402/pay',
      { ...body, amount: '0.01' },
      { key: plain.apiKey },
    )
    expect(told(answer)).toEqual([401, 'signature_invalid'])
  })
})
