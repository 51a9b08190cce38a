import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, it } from 'vitest'
import { makeSigner, signPayment } from '../support/signer.ts'
import { type Endpoint, openWorld, type World } from '../support/world.ts'
import { async, borrower, until, wealthOf } from './promises/borrower.ts'

let world: World
let endpoint: Endpoint

beforeAll(async () => {
  world = await openWorld({ locations: ['lima', 'oslo'] })
  endpoint = await world.endpoint()
})
afterEach(async ({ expect }) => {
  expect(await world.imbalances()).toEqual([])
})
afterAll(() => world.close())

const isIn = (ids: readonly string[], stored: readonly { id: string }[]) =>
  ids.every((id) => stored.some((it) => it.id === id))

describe('a promise', () => {
  it('is given to no stolen API key of an agent that signs', async ({ expect }) => {
    const agent = await borrower(world, endpoint, { signs: true })
    const order = await world.payBody({ ...agent, signer: undefined }, endpoint, async)
    const strange = signPayment(order, await makeSigner(), world.payos.issuer)

    const [unsigned, misSigned] = [
      await world.post('/v1/x402/pay', order, { key: agent.apiKey }),
      await world.post('/v1/x402/pay', strange, { key: agent.apiKey }),
    ]

    expect([unsigned.body.code, misSigned.body.code]).toEqual([
      'signature_required',
      'signature_invalid',
    ])
  })

  it('is made once for 30 identical requests at once over two edges', async ({ expect }) => {
    const agent = await borrower(world, endpoint)
    const requestId = randomUUID()
    const before = await wealthOf(world, agent)
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, at) =>
        world.pay(agent, endpoint, { ...async, requestId, edge: at % 2 }),
      ),
    )

    const ids = new Set(answers.map(({ body }) => body.paymentId))
    expect(answers.every(({ status }) => status === 200)).toBe(true)
    expect(ids.size).toBe(1)
    await until(async () => isIn([...ids], await world.paymentsOf(agent)))
    const named = (await world.paymentsOf(agent)).filter((it) => it.request_id === requestId)
    expect(named).toHaveLength(1)
    expect((await wealthOf(world, agent)).left + (await wealthOf(world, agent)).paid).toBe(
      before.left + before.paid,
    )
  })

  it('is covered: of 60 at once, each that is answered is paid, and no funds go below zero', async ({
    expect,
  }) => {
    const agent = await borrower(world, endpoint, { funds: '50000' })
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, at) => world.pay(agent, endpoint, { ...async, edge: at % 2 })),
    )
    const paid = answers.flatMap(({ status, body }) => (status === 200 ? [body.paymentId] : []))
    const codes = new Set(answers.flatMap(({ status, body }) => (status === 200 ? [] : body.code)))

    expect(paid.length).toBeGreaterThan(0)
    // A promise that Redis took too long to tell of is neither denied nor confirmed.
    expect(['funds_in_lease', 'funds_insufficient', 'outcome_unknown']).toEqual(
      expect.arrayContaining([...codes]),
    )
    await until(async () => isIn(paid, await world.paymentsOf(agent)))
    const wealth = await wealthOf(world, agent)
    expect(wealth.left >= 0n && wealth.left + wealth.paid === 50_000n).toBe(true)
  })

  it('ends with its key: at most 60 seconds after it was revoked', async ({ expect }) => {
    const agent = await borrower(world, endpoint)
    await world.operate('revoke_x402_key', ['agent', agent.apiKey.slice(8, 24)])
    await world.advance(61_000)

    const refused = await world.pay(agent, endpoint, async)

    expect([refused.status, refused.body.code]).toEqual([401, 'key_revoked'])
  })

  it('ends with its endpoint: at most 60 seconds after it ceased', async ({ expect }) => {
    const agent = await borrower(world, endpoint)
    const ceasing = await world.endpoint()
    await until(async () => (await world.pay(agent, ceasing, async)).body.status === 'held')
    const { id, provider, method, url, currency, price } = ceasing
    const paused = [id, provider.id, method, url, currency, price, 'paused']
    await world.operate('put_x402_endpoint', paused)
    await world.advance(61_000)

    const refused = await world.pay(agent, ceasing, async)

    expect([refused.status, refused.body.code]).toEqual([409, 'endpoint_inactive'])
  })
})
