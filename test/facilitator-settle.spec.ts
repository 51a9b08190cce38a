import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from 'vitest'
import type { Body } from './support/http.ts'
import { assemble, proofKeyOf, strangeKey, takeApart } from './support/proof-forge.ts'
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

describe("POST /settle with the open standard's body", () => {
  it('captures, with no verify before it, in one trip', async ({ expect }) => {
    const answer = await settle(asked())

    expect([answer.status, answer.body]).toEqual([
      200,
      {
        success: true,
        payer: agent.id,
        transaction: held.paymentId,
        network,
        amount: '10000',
        extra: { status: 'settled', released: '0' },
      },
    ])
    expect(waitedFor(answer)).toEqual(['database'])
  })

  it('answers the same bytes to the same again', async ({ expect }) => {
    const first = await settle(asked())
    const again = await settle(asked(), endpoint.provider.apiKey, 1)
    expect(again.text).toBe(first.text)
  })

  it.for([
    ['3500', { amount: '3500', extra: { status: 'settled', released: '6500' } }],
    ['0', { amount: '0', extra: { status: 'voided', released: '10000' } }],
  ] as const)(
    'takes %s of what was accepted and releases the rest',
    async ([amount, told], { expect }) => {
      const answer = await settle(asked({ requirements: { amount } }))
      expect(answer.body).toMatchObject({ success: true, ...told })
    },
  )

  it.for([
    ['more than is held', { requirements: { amount: '10001' } }, 'settle_conflict'],
    [
      'another endpoint',
      { requirements: { extra: { endpointId: randomUUID() } } },
      'proof_wrong_endpoint',
    ],
    ['another payee', { both: { payTo: randomUUID() } }, 'proof_wrong_audience'],
    ['another network', { both: { network: 'eip155:8453' } }, 'invalid_network'],
    ['a broken proof', { payload: { proof: 'a.b.c' } }, 'proof_malformed'],
  ] as const)('answers 200 and why not: %s', async ([, changes, reason], { expect }) => {
    const answer = await settle(asked(changes))
    expect(answer.status).toBe(200)
    expect(answer.body).toMatchObject({
      success: false,
      errorReason: reason,
      transaction: '',
      network,
    })
    expect((await settle(asked())).body.success).toBe(true)
  })

  it('binds the first attempt that its server names', async ({ expect }) => {
    const answers = await Promise.all(
      ['a', 'b', 'c'].map((attemptId, at) =>
        settle(asked({ payload: { attemptId } }), endpoint.provider.apiKey, at % 2),
      ),
    )

    expect(answers.filter(({ body }) => body.success)).toHaveLength(1)
    const reasons = answers.flatMap(({ body }) => body.errorReason ?? [])
    expect(reasons).toEqual(['duplicate_settlement', 'duplicate_settlement'])
  })

  it('captures when the proof has expired, until the hold has', async ({ expect }) => {
    await world.advance(600_000)
    const late = await settle(asked())
    held = (await providerOf(world, endpoint).held(agent)).body
    await world.advance(86_401_000)

    expect(late.body.success).toBe(true)
    expect((await settle(asked())).body.errorReason).toBe('hold_expired')
  })

  it('lets only the payee settle', async ({ expect }) => {
    const rival = await world.endpoint()

    const theirs = await settle(asked(), rival.provider.apiKey)
    const nobody = await world.post('/v1/x402/settle', asked())

    expect([theirs.status, theirs.body.errorReason]).toEqual([200, 'unauthorized_server'])
    expect([nobody.status, nobody.body]).toEqual([
      401,
      {
        success: false,
        errorReason: 'key_invalid',
        errorMessage: expect.any(String),
        transaction: '',
        network,
      },
    ])
  })

  it('is pending while its outcome is not known, and settled when asked again', async ({
    expect,
  }) => {
    world.payos.postgrest.faults.add({
      match: 'capture_x402_payment',
      when: 'after',
      effect: { kind: 'drop' },
    })

    const lost = await settle(asked())
    const again = await settle(asked())

    expect([lost.status, lost.body]).toEqual([
      200,
      {
        success: false,
        errorReason: 'settlement_pending',
        errorMessage: expect.any(String),
        transaction: held.paymentId,
        network,
      },
    ])
    expect(again.body).toMatchObject({ success: true, transaction: held.paymentId })
  })

  it('settles a payment that settled by itself', async ({ expect }) => {
    held = (await world.pay(agent, endpoint)).body
    const answer = await settle(asked())
    expect(answer.body).toMatchObject({ success: true, amount: '10000' })
    expect((await verify(asked())).body.invalidReason).toBe('duplicate_settlement')
  })
})

describe('the extension payment-identifier', () => {
  const withIdentifier = (info: Body) => asked({ extensions: { 'payment-identifier': { info } } })
  const told = (header: string | null) =>
    JSON.parse(Buffer.from(header ?? '', 'base64').toString())['payment-identifier'].status

  it('is taken when it is the request id, or its hash when it is too long', async ({ expect }) => {
    const long = 'n'.repeat(100)
    const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(long))
    const requestId = Buffer.from(digest).toString('base64url')
    const first = await verify(withIdentifier({ required: true, id: held.requestId }))
    held = (await providerOf(world, endpoint).held(agent, { requestId })).body
    const second = await settle(withIdentifier({ required: false, id: long }))

    expect([first.body.isValid, second.body.success]).toEqual([true, true])
    expect([first, second].map(({ headers }) => told(headers.get('extension-responses')))).toEqual([
      'success',
      'success',
    ])
  })

  it.for([
    ['required and absent', { required: true }],
    ['that of another payment', { required: false, id: 'pay_0123456789abcdef' }],
  ] as const)('is refused when it is %s', async ([, info], { expect }) => {
    const answer = await settle(withIdentifier(info))
    expect(answer.body).toMatchObject({ success: false, errorReason: 'invalid_payload' })
    expect(told(answer.headers.get('extension-responses'))).toBe('rejected')
  })

  it('is not read when it has another form', async ({ expect }) => {
    const answer = await verify(withIdentifier({ required: false, id: 'short' }))
    expect([answer.status, answer.body.invalidReason]).toEqual([400, 'invalid_payload'])
  })
})

describe('a proof that was never paid for', () => {
  it('settles nothing, even when it is signed by the edge', async ({ expect }) => {
    const parts = takeApart(held.proof, proofKeyOf(world))
    const invented = { ...parts, claims: { ...parts.claims, jti: randomUUID() } }

    const answers = [
      await settle(asked({ payload: { proof: assemble(invented) } })),
      await settle(asked({ payload: { proof: assemble({ ...parts, key: await strangeKey() }) } })),
    ]

    expect(answers.map(({ body }) => body.errorReason)).toEqual([
      'unauthorized_server',
      'proof_signature_invalid',
    ])
  })
})
