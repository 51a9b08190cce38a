import { afterAll, afterEach, beforeAll, describe, it } from 'vitest'
import { type PaymentError, withPayments } from '../../sdk/client/index.ts'
import { memoryClaims, type PaywallOptions } from '../../sdk/provider/index.ts'
import { type FacilitatorMode, facilitatorModes } from '../../sdk/testing/index.ts'
import { openWorld, type World } from '../support/world.ts'
import { openHostileEdge } from './support/hostile.ts'
import { clientOptions, openShop } from './support/market.ts'

let world: World

beforeAll(async () => {
  world = await openWorld()
})
afterEach(async ({ expect }) => {
  expect(await world.imbalances()).toEqual([])
})
afterAll(() => world?.close())

/** What three calls of one URL come to: what each is told, and payments made in all. */
type Outcome = { code: string; says?: RegExp; payments: number }

/** What the agent is told when the facilitator lies to it. */
const toAgents: Record<FacilitatorMode, Outcome> = {
  lies_on_verify: { code: 'delivered', payments: 3 },
  forged_success: { code: 'proof_refused', says: /proof_key_unknown/, payments: 0 },
  refuses_all: { code: 'policy_refused', says: /^Nothing was paid/, payments: 0 },
  never_answers: { code: 'outcome_unknown', says: /^Maybe paid/, payments: 0 },
  error_after_settling: { code: 'outcome_unknown', says: /^Maybe paid/, payments: 1 },
  wrong_payer: { code: 'delivered', payments: 3 },
  wrong_amount: { code: 'delivered', payments: 3 },
  wrong_network: { code: 'delivered', payments: 3 },
  slow_body: { code: 'outcome_unknown', says: /^Maybe paid/, payments: 1 },
  huge_body: { code: 'outcome_unknown', says: /^Maybe paid/, payments: 1 },
}

/** What it is told when the facilitator lies to the provider, who keeps first uses there. */
const toProviders: Record<FacilitatorMode, Outcome & { runs: number }> = {
  lies_on_verify: { code: 'delivered', payments: 3, runs: 3 },
  forged_success: { code: 'delivered', payments: 3, runs: 3 },
  refuses_all: { code: 'proof_refused', says: /payment_voided/, payments: 3, runs: 0 },
  never_answers: { code: 'paid_not_delivered', says: /503/, payments: 1, runs: 0 },
  error_after_settling: { code: 'paid_not_delivered', says: /503/, payments: 1, runs: 0 },
  wrong_payer: { code: 'delivered', payments: 3, runs: 3 },
  wrong_amount: { code: 'delivered', payments: 3, runs: 3 },
  wrong_network: { code: 'delivered', payments: 3, runs: 3 },
  slow_body: { code: 'paid_not_delivered', says: /503/, payments: 1, runs: 0 },
  huge_body: { code: 'paid_not_delivered', says: /503/, payments: 1, runs: 0 },
}

const cases = <Case extends Outcome>(table: Record<FacilitatorMode, Case>) =>
  facilitatorModes.map((mode) => ({ mode, ...table[mode] }))

/** Calls three times, and tells how each ended. */
async function callThrice(pay: ReturnType<typeof withPayments>, url: string) {
  const ends: { code: string; message: string }[] = []
  for (const _ of [1, 2, 3]) {
    const end = await pay(url).then(
      () => ({ code: 'delivered', message: '' }),
      ({ code, message }: PaymentError) => ({ code, message }),
    )
    ends.push(end)
  }
  return ends
}

/** A provider behind a facilitator of this mode, and an agent whose edge is honest. */
async function openVictim(mode: FacilitatorMode, options: Partial<PaywallOptions> = {}) {
  const edge = await openHostileEdge(world, mode)
  const provider = await world.provider()
  const shop = await openShop(world, {
    provider,
    options: { apiKey: provider.apiKey, edge: edge.origin, fetch: edge.fetch, ...options },
  })
  const agent = await world.agent({ funds: '1000000' })
  const limits = { capture: 'manual', budget: { total: '0.003' } } as const
  const pay = withPayments(fetch, clientOptions(world, agent, limits))
  const stop = async () => void (await Promise.all([shop.stop(), edge.stop()]))
  return { shop, agent, pay, stop }
}

describe('an agent whose facilitator', () => {
  it.for(cases(toAgents))(
    '$mode: $code, and $payments payments for three calls',
    async ({ mode, code, says = /^$/, payments }, { expect, onTestFinished }) => {
      const edge = await openHostileEdge(world, mode)
      const shop = await openShop(world)
      onTestFinished(async () => void (await Promise.all([shop.stop(), edge.stop()])))
      const agent = await world.agent({ funds: '1000000' })
      const limits = { edge: edge.origin, budget: { total: '0.003' } }
      const pay = withPayments(edge.fetch, clientOptions(world, agent, limits))

      const ends = await callThrice(pay, shop.url)

      expect(ends.map((end) => end.code)).toEqual([code, code, code])
      for (const { message } of ends) expect(message).toMatch(says)
      const made = await world.paymentsOf(agent)
      expect(made.map(({ amount }) => amount)).toEqual(Array(payments).fill('1000'))
    },
  )
})

describe('a provider whose facilitator', () => {
  it.for(cases(toProviders))(
    '$mode: the agent is told $code, and pays $payments times for three calls',
    async ({ mode, code, says = /^$/, payments, runs }, { expect, onTestFinished }) => {
      const { shop, agent, pay, stop } = await openVictim(mode)
      onTestFinished(stop)

      const ends = await callThrice(pay, shop.url)

      expect(ends.map((end) => end.code)).toEqual([code, code, code])
      for (const { message } of ends) expect(message).toMatch(says)
      expect(shop.served).toHaveLength(runs)
      expect(await world.paymentsOf(agent)).toHaveLength(payments)
    },
  )

  it('finds every use the first serves no proof twice', async ({ expect, onTestFinished }) => {
    const { shop, agent, stop } = await openVictim('lies_on_verify')
    onTestFinished(stop)
    const { body } = await world.pay(agent, shop.endpoint)
    const headers = { 'X-Payment-JWT': body.proof }

    const answers = await Promise.all([1, 2, 3].map(() => fetch(shop.url, { headers })))

    expect(answers.map(({ status }) => status).sort()).toEqual([200, 402, 402])
    expect(shop.served).toHaveLength(1)
  })

  it.for([
    { mode: 'forged_success', taken: '0' },
    { mode: 'error_after_settling', taken: '400' },
    { mode: 'wrong_payer', taken: '400' },
    { mode: 'wrong_amount', taken: '400' },
    { mode: 'wrong_network', taken: '400' },
    { mode: 'slow_body', taken: '400' },
    { mode: 'huge_body', taken: '400' },
  ] as const)(
    '$mode when it settles: the agent is charged $taken of the 400 it was told',
    async ({ mode, taken }, { expect, onTestFinished }) => {
      const { shop, agent, pay, stop } = await openVictim(mode, { claims: memoryClaims() })
      onTestFinished(stop)
      shop.handle = shop.wall.wrap((_, payment) => {
        payment.charge(400n)
        return new Response('sunny')
      })

      const response = await pay(shop.url)

      const receipt = JSON.parse(atob(response.headers.get('payment-response') ?? ''))
      expect([response.status, receipt.amount, receipt.payer]).toEqual([200, '400', agent.id])
      await world.advance(86_401_000)
      await world.payos.edges.edges[0]?.dispatchScheduled('* * * * *')
      expect(`${1_000_000n - BigInt(await world.balanceOf(agent))}`).toBe(taken)
    },
  )
})
