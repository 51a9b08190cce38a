import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from 'vitest'
import { payosProvider } from '../../sdk/x402/index.ts'
import { providerOf } from '../support/provider.ts'
import { standardBody } from '../support/standard.ts'
import { type Agent, type Endpoint, openWorld, type World } from '../support/world.ts'
import {
  type HttpFacilitator,
  openFacilitator,
  openPackages,
  type Packages,
  type StandardPayment,
} from './support/packages.ts'
import { providerOptions } from './support/shop.ts'

let packages: Packages
let world: World
let agent: Agent
let endpoint: Endpoint
let facilitator: HttpFacilitator
let payment: StandardPayment

beforeAll(async () => {
  packages = await openPackages()
  world = await openWorld()
  ;[agent, endpoint] = [await world.agent(), await world.endpoint({ price: '10000' })]
  facilitator = await facilitatorOf(endpoint.provider.apiKey)
}, 600_000)
beforeEach(async () => {
  payment = await hold()
})
afterEach(async ({ expect }) => {
  world.payos.postgrest.faults.clear()
  expect(await world.imbalances()).toEqual([])
})
afterAll(() => world?.close())

const facilitatorOf = (key: string) =>
  openFacilitator(packages, `${world.payos.edges.edges[0]?.url}/v1/x402`, { key })

/** A new hold, as the official servers hand it to a facilitator. */
async function hold(changes: Parameters<typeof standardBody>[1] = {}): Promise<StandardPayment> {
  const { body } = await providerOf(world, endpoint).held(agent)
  const { proof, requestId } = body
  const standard = standardBody({ proof, requestId, endpoint }, changes)
  const { paymentPayload: payload, paymentRequirements: requirements } = standard
  return { payload, requirements } as StandardPayment
}

const settle = ({ payload, requirements } = payment) => facilitator.settle(payload, requirements)
const verify = ({ payload, requirements } = payment) => facilitator.verify(payload, requirements)
const asking = (amount: string, given = payment): StandardPayment => ({
  ...given,
  requirements: { ...given.requirements, amount },
})

describe('the edge as a facilitator of the official servers', () => {
  it('case 2: tells in /supported what their client and the checkers read', async ({ expect }) => {
    const supported = await facilitator.getSupported()

    expect(supported.kinds).toEqual([
      {
        x402Version: 2,
        scheme: 'payos-ticket',
        network: 'payos:test',
        extra: { issuer: world.payos.issuer, jwks: expect.stringContaining('jwks.json') },
      },
    ])
    expect(supported.extensions).toEqual(['payment-identifier'])
    expect(supported.signers).toEqual({ 'payos:*': [expect.any(String)] })
  })

  it('case 7: settles the identical again with the same answer', async ({ expect }) => {
    const first = await settle()
    expect([first.success, await settle()]).toEqual([true, first])
  })

  it('case 8: refuses another amount for what is captured', async ({ expect }) => {
    await settle()
    const other = await settle(asking('9000'))
    expect([other.success, other.errorReason]).toEqual([false, 'settle_conflict'])
  })

  it('case 9: settles what nobody verified', async ({ expect }) => {
    expect(await settle()).toMatchObject({ success: true, amount: '10000', payer: agent.id })
  })

  it('case 10: releases the hold for an amount of 0', async ({ expect }) => {
    const before = BigInt(await world.balanceOf(agent))
    const released = await settle(asking('0'))

    expect(released).toMatchObject({ success: true, amount: '0' })
    expect(BigInt(await world.balanceOf(agent)) - before).toBe(10_000n)
  })

  it('case 11: refuses more than is held', async ({ expect }) => {
    const more = await settle(asking('10001'))
    expect([more.success, more.errorReason]).toEqual([false, 'settle_conflict'])
    expect((await settle()).success).toBe(true)
  })

  it.for([
    { losses: 1, told: [true, undefined] },
    { losses: 2, told: [false, 'settlement_pending'] },
  ])(
    'case 12: is asked again by their server while pending: $losses times',
    async (plan, { expect }) => {
      const { x402ResourceServer } = await packages.load<{
        x402ResourceServer: new (by: unknown) => OfficialServer
      }>('@x402/core/server')
      const { network, scheme } = payosProvider(providerOptions(world, endpoint))
      const server = new x402ResourceServer(facilitator).register(network, scheme)
      await server.initialize()
      const { effect } = { effect: { kind: 'drop' } as const }
      world.payos.postgrest.faults.add({
        match: 'capture_x402_payment',
        when: 'after',
        times: plan.losses,
        effect,
      })

      const settled = await server.settlePayment(payment.payload, payment.requirements)

      expect([settled.success, settled.errorReason]).toEqual(plan.told)
      expect(settled.transaction).not.toBe('')
      expect((await settle()).success).toBe(true)
    },
  )

  it('case 13: verifies no expired proof, settles it, and settles no expired hold', async ({
    expect,
  }) => {
    await world.advance(600_000)
    expect((await verify()).invalidReason).toBe('proof_expired')
    expect((await settle()).success).toBe(true)

    const late = await hold()
    await world.advance(86_401_000)
    expect((await settle(late)).errorReason).toBe('hold_expired')
  })

  it.for([
    ['audience', { both: { payTo: crypto.randomUUID() } }, 'proof_wrong_audience'],
    ['network', { both: { network: 'payos:main' } }, 'invalid_network'],
    ['asset', { both: { asset: 'EURC' } }, 'invalid_payment_requirements'],
    ['scheme', { both: { scheme: 'exact' } }, 'unsupported_scheme'],
    ['version', { x402Version: 1 }, 'invalid_x402_version'],
  ] as const)('case 14: refuses another %s', async ([, changes, reason], { expect }) => {
    const wrong = await hold(changes)

    expect((await verify(wrong)).invalidReason).toBe(reason)
    expect((await settle(wrong)).errorReason).toBe(reason)
  })

  it.for([
    ['garbage', 'nothing of the kind'],
    ['a huge body', JSON.stringify({ x402Version: 2, padding: 'x'.repeat(100_000) })],
    ['deep JSON', `${'{"a":'.repeat(40)}1${'}'.repeat(40)}`],
    ['another form', JSON.stringify({ x402Version: 2, paymentPayload: { x402Version: 2 } })],
  ] as const)('case 15: answers JSON and 4xx to %s', async ([, body], { expect }) => {
    for (const path of ['/v1/x402/verify', '/v1/x402/settle']) {
      const { status, body: told } = await world.post(path, body, { key: endpoint.provider.apiKey })
      expect(Math.floor(status / 100)).toBe(4)
      expect(told).toBeTypeOf('object')
    }
  })

  it('case 25: lets no other provider settle', async ({ expect }) => {
    const { apiKey } = await world.provider()
    const rival = await facilitatorOf(apiKey)
    const theirs = await rival.settle(payment.payload, payment.requirements)
    expect([theirs.success, theirs.errorReason]).toEqual([false, 'unauthorized_server'])
  })

  it('case 26: answers an extension in a header their client decodes', async ({ expect }) => {
    const { requestId } = payment.payload['payload'] as { requestId: string }
    const extensions = { 'payment-identifier': { info: { id: requestId } } }
    const named = { ...payment, payload: { ...payment.payload, extensions } }

    const verified = await verify(named)

    expect(verified).toMatchObject({
      isValid: true,
      extensionResponses: { 'payment-identifier': { status: 'success' } },
    })
  })

  it('case 28: reads the native and the standard body on /verify', async ({ expect }) => {
    const { proof } = payment.payload['payload'] as { proof: string }
    const native = await world.verify({ proof })

    expect([native.body.valid, (await verify()).isValid]).toEqual([true, true])
  })
})

type OfficialServer = {
  register(network: string, scheme: unknown): OfficialServer
  initialize(): Promise<void>
  settlePayment(payload: object, requirements: object): ReturnType<HttpFacilitator['settle']>
}
