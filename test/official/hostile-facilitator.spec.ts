import { afterAll, afterEach, beforeAll, describe, type ExpectStatic, it } from 'vitest'
import { type FacilitatorMode, facilitatorModes } from '../../sdk/testing/index.ts'
import { payosClient } from '../../sdk/x402/index.ts'
import { openHostileEdge } from '../sdk/support/hostile.ts'
import { clientOptions } from '../sdk/support/market.ts'
import { openWorld, type Provider, type World } from '../support/world.ts'
import { openClient, openFacilitator, openPackages, type Packages } from './support/packages.ts'
import { openHandler, openOfficialShop } from './support/shop.ts'

let packages: Packages
let world: World

beforeAll(async () => {
  packages = await openPackages()
  world = await openWorld()
}, 600_000)
afterEach(async ({ expect }) => {
  expect(await world.imbalances()).toEqual([])
})
afterAll(() => world?.close())

/** What three calls come to: the status of each, and payments in all. */
type Outcome = { statuses: [number, number, number]; payments: number }

const served: Outcome = { statuses: [200, 200, 200], payments: 3 }
/** No claim could be had: one payment, whose proof is good for more. */
const unclaimed: Outcome = { statuses: [402, 402, 402], payments: 1 }
/** Claimed, and not known to be settled: what the agent paid for next is another payment. */
const lost = { statuses: [502, 402, 502], payments: 2 } satisfies Outcome

/** Our facilitator client asks for claims and captures; receipts are of the proof. */
const ofOurs: Record<FacilitatorMode, Outcome> = {
  lies_on_verify: served,
  forged_success: served,
  refuses_all: { statuses: [402, 402, 402], payments: 3 },
  never_answers: unclaimed,
  error_after_settling: unclaimed,
  wrong_payer: served,
  wrong_amount: served,
  wrong_network: served,
  slow_body: unclaimed,
  huge_body: unclaimed,
}

/** Theirs asks for captures, after the handler; our scheme has claimed the payment elsewhere. */
const ofTheirs: Record<FacilitatorMode, Outcome> = {
  lies_on_verify: served,
  forged_success: served,
  refuses_all: { statuses: [402, 402, 402], payments: 2 },
  never_answers: lost,
  error_after_settling: { statuses: [402, 402, 402], payments: 2 },
  wrong_payer: served,
  wrong_amount: served,
  wrong_network: served,
  slow_body: lost,
  huge_body: served,
}

const cases = (table: Record<FacilitatorMode, Outcome>) =>
  facilitatorModes.map((mode) => ({ mode, ...table[mode] }))

/** Calls three times; none is charged more than the price, and all no more than the budget. */
async function judge(url: string, { statuses, payments }: Outcome, expect: ExpectStatic) {
  const { agent, pay } = await openAgent()

  const told = [await pay(url), await pay(url), await pay(url)]

  expect(told.map(({ status }) => status)).toEqual(statuses)
  const made = await world.paymentsOf(agent)
  expect(made.map(({ amount }) => amount)).toEqual(Array(payments).fill('1000'))
  expect(told.every((response) => response.status === 200 || errorOf(response))).toBe(true)
}

/** Why a call was not served, from wherever the official server says it. */
function errorOf({ status, headers }: Response): string | undefined {
  const read = (name: string) => JSON.parse(atob(headers.get(name) ?? '') || '{}')
  const { error } = read('payment-required')
  return error ?? read('payment-response').errorReason ?? (status === 502 ? 'gateway' : undefined)
}

/** An agent of the official client with little to spend, its edge honest. */
async function openAgent() {
  const agent = await world.agent({ funds: '1000000' })
  const limits = { capture: 'manual', budget: { total: '0.003' } } as const
  const payos = payosClient(clientOptions(world, agent, limits))
  return { agent, pay: await openClient(packages, 'fetch 2.27', payos) }
}

describe('an official server with our facilitator client, whose edge', () => {
  it.for(cases(ofOurs))(
    '$mode: $statuses, and $payments payments',
    async ({ mode, ...outcome }, { expect, onTestFinished }) => {
      const edge = await openHostileEdge(world, mode)
      const shop = await openOfficialShop({ world, packages }, 'hono 2.27', {
        edge: edge.origin,
        fetch: edge.fetch,
      })
      onTestFinished(async () => void (await Promise.all([shop.stop(), edge.stop()])))

      await judge(shop.url, outcome, expect)
    },
  )
})

describe('an official server with its own facilitator client, whose facilitator', () => {
  it.for(cases(ofTheirs))(
    '$mode: $statuses, and $payments payments',
    async ({ mode, ...outcome }, { expect, onTestFinished }) => {
      const edge = await openHostileEdge(world, mode)
      const facilitatorOf = ({ apiKey: key }: Provider) =>
        openFacilitator(packages, `${edge.origin}/v1/x402`, { key, timeoutMs: 500 })
      const handler = () => new Response('sunny')
      const shop = await openHandler({ world, packages }, handler, { facilitatorOf })
      onTestFinished(async () => void (await Promise.all([shop.stop(), edge.stop()])))

      await judge(shop.url, outcome, expect)
    },
  )
})
