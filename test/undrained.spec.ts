import { randomUUID } from 'node:crypto'
import { decodeJwt } from 'jose'
import { afterAll, afterEach, beforeAll, describe, it } from 'vitest'
import type { Answer } from './support/http.ts'
import { waitedFor } from './support/trips.ts'
import {
  OSLO,
  openRegions,
  outcomeOf,
  type Promised,
  unavailable,
  undrained,
} from './support/undrained.ts'
import type { Endpoint, World } from './support/world.ts'

let world: World
let endpoint: Endpoint
let there: ReturnType<typeof undrained>

beforeAll(async () => {
  world = await openRegions()
  endpoint = await world.endpoint()
  there = undrained(world, endpoint)
})
afterEach(async ({ expect }) => {
  await there.mend()
  expect(await world.imbalances()).toEqual([])
})
afterAll(() => world.close())

/** Leaves the same promise in the south as well, from a lease the ledger never granted. */
async function copyUnpaid({ agent, requestId, paymentId, proof }: Promised): Promise<void> {
  const [north, south] = ['north', 'south'].map((name) => world.payos.regions.get(name))
  const keys = [`request:${agent.walletId}:${requestId}`, `payment:${paymentId}`]
  for (const key of keys) {
    const kept = String(await north?.command('GET', `payos:test:north:${key}`))
    const unpaid = kept.replaceAll(String(decodeJwt(proof)['lse']), randomUUID())
    await south?.command('SET', `payos:test:south:${key}`, unpaid)
  }
}

/** The two ways an agent asks what became of a payment. */
const asks: [string, (promised: Promised) => Promise<Answer>][] = [
  [
    'by its id',
    ({ agent, paymentId }) => world.get(`/v1/x402/payments/${paymentId}`, { key: agent.apiKey }),
  ],
  [
    'by what its agent called it',
    ({ agent, requestId }) =>
      world.get(`/v1/x402/payments?walletId=${agent.walletId}&requestId=${requestId}`, {
        key: agent.apiKey,
      }),
  ],
]

describe.for(asks)('a promise nobody drained, asked for %s', ([, ask]) => {
  it('is unavailable, not unknown, while the ledger does not settle it', async ({ expect }) => {
    const promised = await there.promise()
    there.standLedgerStill()

    const meanwhile = await ask(promised)
    there.letLedgerGoOn()
    const afterwards = await ask(promised)

    expect(outcomeOf(meanwhile)).toEqual(unavailable)
    expect([afterwards.status, afterwards.body.paymentId]).toEqual([200, promised.paymentId])
  })

  it('is unavailable, not unknown, while its region does not answer', async ({ expect }) => {
    const promised = await there.promise()
    there.silence('south')

    const meanwhile = await ask(promised)
    there.hear('south')
    const afterwards = await ask(promised)

    expect(outcomeOf(meanwhile)).toEqual(unavailable)
    expect(meanwhile.headers.get('retry-after')).toBe('1')
    expect([afterwards.status, afterwards.body.paymentId]).toEqual([200, promised.paymentId])
  })

  it('is unavailable, not unknown, while its region is left alone', async ({ expect }) => {
    const promised = await there.promise()
    there.silence('south')
    await ask(promised)
    await ask(promised)
    await ask(promised)
    there.hear('south')

    const meanwhile = await ask(promised)

    expect(outcomeOf(meanwhile)).toEqual(unavailable)
  })

  it('is found where it was made while another region does not answer', async ({ expect }) => {
    const promised = await there.promise(OSLO)
    there.silence('south')

    const found = await ask(promised)

    expect([found.status, found.body.paymentId]).toEqual([200, promised.paymentId])
  })

  it('is found where its lease pays it, when another region has it from one that does not', async ({
    expect,
  }) => {
    const promised = await there.promise(OSLO)
    await copyUnpaid(promised)

    const found = await ask(promised)

    expect([found.status, found.body.paymentId]).toEqual([200, promised.paymentId])
  })

  it('is found in the ledger once it is there, and no region is asked', async ({ expect }) => {
    const promised = await there.promise()
    await ask(promised)
    there.silence('south')

    const found = await ask(promised)

    expect([found.status, waitedFor(found)]).toEqual([200, ['database']])
  })

  it('is nothing to anyone else, settled or not', async ({ expect }) => {
    const promised = await there.promise()
    const stranger = await world.agent()

    const asked = await ask({ ...promised, agent: { ...promised.agent, apiKey: stranger.apiKey } })

    expect(outcomeOf(asked)).toEqual([404, 'not_found', 'never'])
  })
})

describe('a payment that was never made', () => {
  it.for(asks)('is not found, asked for %s, once every region said so', async ([, ask], it) => {
    const never = { requestId: 'never', paymentId: randomUUID(), proof: '' }
    const asked = { agent: await world.agent(), ...never }

    const known = await ask(asked)
    there.silence('north')
    const guessed = await ask(asked)

    it.expect(outcomeOf(known)).toEqual([404, 'not_found', 'never'])
    it.expect(waitedFor(known)).toEqual(['database', 'redis', 'redis'])
    it.expect(outcomeOf(guessed)).toEqual(unavailable)
  })
})
