import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from 'vitest'
import type { Body } from './support/http.ts'
import { providerOf } from './support/provider.ts'
import { standardBody } from './support/standard.ts'
import { waitedFor } from './support/trips.ts'
import { type Agent, type Endpoint, openWorld, type World } from './support/world.ts'

let world: World
let agent: Agent
let endpoint: Endpoint
let held: { paymentId: string; requestId: string; proof: string }

beforeAll(async () => {
  world = await openWorld({ locations: ['lima', 'oslo'] })
  ;[agent, endpoint] = [await world.agent(), await world.endpoint({ price: '10000' })]
})
beforeEach(async () => {
  held = (await providerOf(world, endpoint).held(agent)).body
})
afterEach(async ({ expect }) => {
  expect(await world.imbalances()).toEqual([])
})
afterAll(() => world.close())

const asked = (changes: Parameters<typeof standardBody>[1] = {}) =>
  standardBody({ proof: held.proof, requestId: held.requestId, endpoint }, changes)

const verify = (body: Body, key: string | undefined = endpoint.provider.apiKey) =>
  world.verify(body, { key })

const settle = (body: Body, key: string | undefined = endpoint.provider.apiKey, edge = 0) =>
  world.post('/v1/x402/settle', body, { key, edge })

const network = 'payos:test'

describe('GET /supported', () => {
  it('names the one kind there is, with no trip, and may be kept', async ({ expect }) => {
    const answer = await world.get('/v1/x402/supported')
    const { keys } = (await world.get('/.well-known/jwks.json')).body

    expect(answer.status).toBe(200)
    expect(answer.body).toEqual({
      kinds: [
        {
          x402Version: 2,
          scheme: 'payos-ticket',
          network,
          extra: {
            issuer: world.payos.issuer,
            jwks: `${world.payos.issuer}/.well-known/jwks.json`,
          },
        },
      ],
      extensions: ['payment-identifier'],
      signers: { 'payos:*': keys.map(({ kid }: { kid: string }) => kid) },
    })
    expect(answer.headers.get('cache-control')).toBe('public, max-age=300')
    expect(waitedFor(answer)).toEqual([])
  })
})

describe("POST /verify with the open standard's body", () => {
  it('says that a proof is good, in one trip, and claims nothing', async ({ expect }) => {
    const answer = await verify(asked())
    const again = await verify(asked())

    expect([answer.status, answer.body]).toEqual([
      200,
      { isValid: true, payer: agent.id, extra: { unchecked: ['resource', 'first_use'] } },
    ])
    expect(waitedFor(answer)).toEqual(['database'])
    expect(again.text).toBe(answer.text)
  })

  it('judges the proof alone for anyone without a key, with no trip', async ({ expect }) => {
    const answer = await world.verify(asked())

    expect(answer.body).toEqual({
      isValid: true,
      payer: agent.id,
      extra: { unchecked: ['resource', 'state', 'first_use'] },
    })
    expect(waitedFor(answer)).toEqual([])
  })

  it.for([
    ['another version', { x402Version: 1 }, 'invalid_x402_version'],
    ['a version as text', { x402Version: '2' }, 'invalid_x402_version'],
    ['another scheme', { requirements: { scheme: 'exact' } }, 'unsupported_scheme'],
    ['another network', { requirements: { network: 'payos:main' } }, 'invalid_network'],
    ['another asset', { both: { asset: 'EURC' } }, 'invalid_payment_requirements'],
    ['what was not accepted', { requirements: { asset: 'EURC' } }, 'invalid_payment_requirements'],
    ['another payee', { both: { payTo: randomUUID() } }, 'proof_wrong_audience'],
    ['no endpoint', { requirements: { extra: {} } }, 'invalid_payment_requirements'],
    [
      'another endpoint',
      { requirements: { extra: { endpointId: randomUUID() } } },
      'proof_wrong_endpoint',
    ],
    ['a higher price', { requirements: { amount: '10001' } }, 'proof_amount_low'],
    ['another request id', { payload: { requestId: 'other' } }, 'invalid_payload'],
    ['a broken proof', { payload: { proof: 'a.b.c' } }, 'proof_malformed'],
  ] as const)('answers 200 and why it is not: %s', async ([, changes, reason], { expect }) => {
    for (const key of [endpoint.provider.apiKey, undefined]) {
      const answer = await world.verify(asked(changes), { key })
      expect(answer.status).toBe(200)
      expect(answer.body).toMatchObject({
        isValid: false,
        invalidReason: reason,
        invalidMessage: expect.stringMatching(/^[A-Z].*\.$/),
      })
    }
  })

  it.for([
    ['no proof', { payload: { proof: undefined } }, 'invalid_payload'],
    ['a proof that is a number', { payload: { proof: 5 } }, 'invalid_payload'],
    ['an amount in units', { requirements: { amount: '0.01' } }, 'invalid_payment_requirements'],
    [
      'an amount that is a number',
      { requirements: { amount: 10000 } },
      'invalid_payment_requirements',
    ],
    ['no payee', { requirements: { payTo: undefined } }, 'invalid_payment_requirements'],
    [
      'an endpoint id that is none',
      { requirements: { extra: { endpointId: 'x' } } },
      'invalid_payment_requirements',
    ],
  ] as const)(
    'answers 400 in the same shape when it cannot be read: %s',
    async ([, changes, reason], { expect }) => {
      const verified = await verify(asked(changes))
      const settled = await settle(asked(changes))

      expect([verified.status, verified.body]).toEqual([
        400,
        { isValid: false, invalidReason: reason, invalidMessage: expect.any(String) },
      ])
      expect([settled.status, settled.body]).toEqual([
        400,
        {
          success: false,
          errorReason: reason,
          errorMessage: expect.any(String),
          transaction: '',
          network,
        },
      ])
    },
  )

  it('passes over members it does not know, and null ones', async ({ expect }) => {
    const body = asked({ payload: { type: 'ticket', attemptId: null } })
    expect((await verify({ ...body, trace: { a: [1] }, extensions: null })).body.isValid).toBe(true)
  })

  it('refuses what was settled, voided, refunded or has expired', async ({ expect }) => {
    const provider = providerOf(world, endpoint)
    await settle(asked())
    const settled = await verify(asked())
    await provider.refund({ paymentId: held.paymentId, refundId: 'r', amount: '0.001' })
    const refunded = await verify(asked())
    held = (await provider.held(agent)).body
    await settle(asked({ requirements: { amount: '0' } }))
    const voided = await verify(asked())

    expect([settled, refunded, voided].map(({ body }) => body.invalidReason)).toEqual([
      'duplicate_settlement',
      'payment_refunded',
      'payment_voided',
    ])
  })

  it('keeps the status of who may not ask, in its own shape', async ({ expect }) => {
    const answer = await verify(asked(), `${endpoint.provider.apiKey}x`)

    expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, 'Bearer'])
    expect(answer.body).toEqual({
      isValid: false,
      invalidReason: 'key_invalid',
      invalidMessage: expect.any(String),
    })
  })

  it('tells another provider that the payment is not its own', async ({ expect }) => {
    const rival = await world.endpoint()
    const answer = await verify(asked(), rival.provider.apiKey)
    expect([answer.status, answer.body.invalidReason]).toEqual([200, 'unauthorized_server'])
  })

  it('says that it cannot tell when the ledger is away', async ({ expect }) => {
    world.payos.postgrest.faults.add({ match: 'check_x402_proof', effect: { kind: 'drop' } })
    const answer = await verify(asked())
    expect([answer.status, answer.headers.get('retry-after'), answer.body.isValid]).toEqual([
      503,
      '1',
      false,
    ])
  })
})
