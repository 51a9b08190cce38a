import { afterAll, beforeAll, beforeEach, describe, it } from 'vitest'
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

/** Asks as the endpoint's provider. */
const ask = (body: Record<string, unknown>, edge = 0) =>
  world.verify(
    { proof: paid.proof, endpointId: endpoint.id, ...body },
    { key: endpoint.provider.apiKey, edge },
  )

const consume = (attemptId: string, edge = 0) => ask({ consume: true, attemptId }, edge)
const release = (attemptId: string) => ask({ release: true, attemptId })

const used = {
  valid: false,
  reason: 'proof_already_used',
  detail: 'Its first use was claimed by another attempt.',
}

describe('the first use of a proof', () => {
  it("is one attempt's, however often it asks", async ({ expect }) => {
    const first = await consume('a')
    expect(first.body).toMatchObject({ valid: true, unchecked: ['resource'] })
    expect((await consume('a', 1)).body.valid).toBe(true)
    expect((await consume('b')).body).toEqual(used)
  })

  it('goes to exactly one of 50 attempts at once over two edges', async ({ expect }) => {
    const attempts = Array.from({ length: 50 }, (_, at) => consume(`attempt-${at}`, at % 2))
    const answers = await Promise.all(attempts)

    expect(answers.filter(({ body }) => body.valid)).toHaveLength(1)
    expect(answers.filter(({ body }) => body.reason === 'proof_already_used')).toHaveLength(49)
  })

  it('is of the payment, not of the text of one proof', async ({ expect }) => {
    const options = { requestId: paid.requestId, body: { resource: RESOURCE }, edge: 1 }
    await world.advance(1000)
    const again = (await world.pay(agent, endpoint, options)).body.proof
    expect(again).not.toBe(paid.proof)
    await consume('a')

    expect((await ask({ proof: again, consume: true, attemptId: 'b' })).body).toEqual(used)
    const late = await world.pay(agent, endpoint, { ...options })
    // Nothing, or a proof that was given before: that of either edge, whichever Redis kept last.
    expect([null, again, paid.proof]).toContain(late.body.proof)
  })

  it('can be given back for 60 seconds, by the attempt that has it', async ({ expect }) => {
    await consume('a')
    expect((await release('b')).body).toEqual(used)
    await world.advance(59_000)

    expect((await release('a')).body.valid).toBe(true)
    expect((await consume('b')).body.valid).toBe(true)
  })

  it('can be given back when the proof has expired in between', async ({ expect }) => {
    await world.advance(110_000)
    await consume('a')
    await world.advance(30_000)

    expect((await release('a')).body.valid).toBe(true)
    const again = await world.pay(agent, endpoint, {
      requestId: paid.requestId,
      body: { resource: RESOURCE },
    })
    expect((await ask({ proof: again.body.proof, consume: true, attemptId: 'b' })).body.valid).toBe(
      true,
    )
  })

  it('is kept after 60 seconds', async ({ expect }) => {
    await consume('a')
    await world.advance(60_000)

    expect((await release('a')).body).toEqual(used)
    expect((await consume('b')).body).toEqual(used)
    expect((await consume('a')).body.valid).toBe(true)
  })

  it.for([
    [{ consume: true }, 'attemptId'],
    [{ release: true }, 'attemptId'],
    [{ consume: true, release: true, attemptId: 'a' }, 'release'],
    [{ consume: true, attemptId: 'a b' }, 'attemptId'],
  ] as const)('%o is refused for its %s', async ([body, param], { expect }) => {
    const answer = await ask(body)
    expect([answer.status, answer.body.param]).toEqual([400, param])
  })
})
