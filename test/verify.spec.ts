import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, it } from 'vitest'
import { assemble, proofKeyOf, takeApart } from './support/proof-forge.ts'
import { waitedFor } from './support/trips.ts'
import { type Agent, type Endpoint, openWorld, type World } from './support/world.ts'

const RESOURCE = 'https://api.example/weather?city=lima'

let world: World
let agent: Agent
let endpoint: Endpoint
let paid: { paymentId: string; requestId: string; proof: string }

beforeAll(async () => {
  world = await openWorld({ locations: ['lima', 'oslo'] })
  ;[agent, endpoint] = [await world.agent(), await world.endpoint()]
})
beforeEach(async () => {
  paid = (await world.pay(agent, endpoint, { body: { resource: RESOURCE } })).body
})
afterAll(() => world.close())

const summary = () => ({
  paymentId: paid.paymentId,
  requestId: paid.requestId,
  endpointId: endpoint.id,
  agentId: agent.id,
  amount: '0.001',
  currency: 'USDC',
  status: 'settled',
})

/** Asks as the endpoint's provider. */
const ask = (body: Record<string, unknown>, edge = 0) =>
  world.verify(
    { proof: paid.proof, endpointId: endpoint.id, ...body },
    { key: endpoint.provider.apiKey, edge },
  )

describe('POST /verify without a key', () => {
  it('says what the proof says, what could not be judged, and asks nobody', async ({ expect }) => {
    const answer = await world.verify({ proof: paid.proof })

    expect(answer.status).toBe(200)
    expect(answer.body).toEqual({
      valid: true,
      payment: summary(),
      unchecked: ['audience', 'endpoint', 'amount', 'resource', 'first_use'],
    })
    expect(waitedFor(answer)).toEqual([])
  })

  it('judges all it is told', async ({ expect }) => {
    const told = { endpointId: endpoint.id, method: 'get', resource: RESOURCE, amount: 0.001 }
    const answer = await world.verify({ proof: paid.proof, ...told })
    expect(answer.body).toMatchObject({ valid: true, unchecked: ['audience', 'first_use'] })
  })

  it.for([
    ['another endpoint', { endpointId: randomUUID() }, 'proof_wrong_endpoint'],
    ['a higher price', { amount: '0.001001' }, 'proof_amount_low'],
    ['another method', { method: 'POST', resource: RESOURCE }, 'proof_wrong_resource'],
    ['another query', { method: 'GET', resource: `${RESOURCE}1` }, 'proof_wrong_resource'],
    [
      'no query',
      { method: 'GET', resource: 'https://api.example/weather' },
      'proof_wrong_resource',
    ],
  ] as const)('refuses the proof for %s', async ([, told, reason], { expect }) => {
    const { body } = await world.verify({ proof: paid.proof, ...told })
    expect(body).toEqual({ valid: false, reason, detail: expect.any(String) })
  })

  it('accepts for any query the proof of the bare URL', async ({ expect }) => {
    const bare = await world.pay(agent, endpoint, { body: { resource: endpoint.url } })
    const told = { method: 'GET', resource: RESOURCE }
    expect((await world.verify({ proof: bare.body.proof, ...told })).body.valid).toBe(true)
  })

  it.for(['consume', 'release'])('refuses to %s', async (action, { expect }) => {
    const answer = await world.verify({
      proof: paid.proof,
      [action]: true,
      attemptId: 'a',
      endpointId: endpoint.id,
    })
    expect([answer.status, answer.body.code]).toEqual([401, 'key_invalid'])
  })
})

describe('POST /verify with the key of the provider', () => {
  it('knows the price and the audience, in one trip', async ({ expect }) => {
    const answer = await ask({ method: 'GET', resource: RESOURCE })

    expect(answer.body).toEqual({ valid: true, payment: summary(), unchecked: ['first_use'] })
    expect(waitedFor(answer)).toEqual(['database'])
  })

  it('asks for the endpoint that is served', async ({ expect }) => {
    const { apiKey: key } = endpoint.provider
    for (const options of [{ key }, { key: 'sk_test_mistyped' }]) {
      const answer = await world.verify({ proof: paid.proof }, options)
      expect([answer.status, answer.body.param]).toEqual([400, 'endpointId'])
    }
  })

  it("refuses the proof at the provider's other endpoint", async ({ expect }) => {
    const other = await world.endpoint({ provider: endpoint.provider, price: '900' })
    const { body } = await ask({ endpointId: other.id, consume: true, attemptId: 'a' })
    expect(body).toMatchObject({ valid: false, reason: 'proof_wrong_endpoint' })
    expect((await ask({ consume: true, attemptId: 'b' })).body.valid).toBe(true)
  })

  it('tells another provider nothing', async ({ expect }) => {
    const rival = await world.endpoint()
    const { apiKey: key } = rival.provider
    const { proof, paymentId, requestId } = paid

    const theirs = await world.verify({ proof, endpointId: rival.id }, { key })
    const ours = await world.verify({ proof, endpointId: endpoint.id }, { key })
    const byId = await world.verify({ paymentId, requestId }, { key })
    const unknown = await world.verify({ paymentId: randomUUID(), requestId }, { key })

    expect(theirs.body).toEqual({
      valid: false,
      reason: 'proof_wrong_audience',
      detail: expect.any(String),
    })
    expect([ours.status, ours.body.code]).toEqual([404, 'not_found'])
    const told = ({ text, headers }: typeof byId) =>
      text.replaceAll(headers.get('x-request-id') ?? '', '')
    expect([byId.status, told(byId)]).toEqual([404, told(unknown)])
  })

  it('gives the first of several reasons', async ({ expect }) => {
    const parts = takeApart(paid.proof, proofKeyOf(world))
    const claims = parts.claims
    const faults = [
      ['proof_wrong_issuer', { iss: 'https://edge.example' }],
      ['proof_wrong_audience', { aud: randomUUID() }],
      ['proof_wrong_endpoint', { eid: randomUUID() }],
      ['proof_wrong_network', { network: 'payos:main' }],
      ['proof_expired', { exp: Number(claims['iat']) - 60 }],
      ['proof_amount_low', { amount: '1' }],
      ['proof_wrong_resource', { rsh: 'A'.repeat(22) }],
    ] as const
    const told = { amount: '0.001', method: 'GET', resource: RESOURCE }

    for (const [at, [reason]] of faults.entries()) {
      const wrong = Object.assign({}, ...faults.slice(at).map(([, fault]) => fault))
      const proof = assemble({ ...parts, claims: { ...claims, ...wrong } })
      expect((await ask({ proof, ...told })).body.reason).toBe(reason)
    }
  })
})

describe('a payment is looked up by its provider', () => {
  it.for(['paymentId', 'transferId'])('by %s and requestId', async (name, { expect }) => {
    const { apiKey: key } = endpoint.provider
    const body = { [name]: paid.paymentId, requestId: paid.requestId }

    const answer = await world.verify(body, { key })

    expect(answer.body).toEqual({ valid: true, payment: summary(), unchecked: ['first_use'] })
    expect(waitedFor(answer)).toEqual(['database'])
    const other = await world.verify({ ...body, requestId: 'another' }, { key })
    expect([other.status, other.body.code]).toEqual([404, 'not_found'])
    expect((await world.verify(body)).status).toBe(401)
    expect((await world.verify(body, { key: agent.apiKey })).status).toBe(401)
  })

  it('not by two ids that differ, nor by the request id alone', async ({ expect }) => {
    const { paymentId, requestId } = paid
    const differ = await world.verify({ paymentId, transferId: randomUUID(), requestId })
    expect([differ.status, differ.body.param]).toEqual([400, 'transferId'])
    const alone = await world.verify({ paymentId })
    expect([alone.status, alone.body.param]).toEqual([400, 'requestId'])
  })
})
