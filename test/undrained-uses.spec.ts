import { afterAll, afterEach, beforeAll, describe, it } from 'vitest'
import type { Answer } from './support/http.ts'
import { countSettled } from './support/promises.ts'
import { providerOf } from './support/provider.ts'
import { standardBody } from './support/standard.ts'
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
let provider: ReturnType<typeof providerOf>

beforeAll(async () => {
  world = await openRegions()
  endpoint = await world.endpoint()
  there = undrained(world, endpoint)
  provider = providerOf(world, endpoint)
})
afterEach(async ({ expect }) => {
  await there.mend()
  expect(await world.imbalances()).toEqual([])
})
afterAll(() => world.close())

describe('a promise nobody drained, named by its id', () => {
  it('is settled whole, and in no part', async ({ expect }) => {
    const { paymentId } = await there.promise()

    const part = await provider.settle({ paymentId, amount: '0.0005' })
    const whole = await provider.settle({ paymentId, amount: '0.001' })

    expect(part.body.reason).toBe('settle_conflict')
    expect(whole.body).toMatchObject({ success: true, paymentId, status: 'settled' })
    expect(waitedFor(whole)).toEqual(['database'])
  })

  it('is given back', async ({ expect }) => {
    const { paymentId } = await there.promise()

    const refunded = await provider.refund({ paymentId, refundId: 'r', amount: '0.001' })

    expect(refunded.body).toMatchObject({ success: true, paymentId })
  })

  it('is verified', async ({ expect }) => {
    const { paymentId, requestId } = await there.promise()

    const checked = await world.verify(
      { paymentId, requestId },
      { key: endpoint.provider.apiKey, edge: OSLO },
    )

    expect(checked.body).toMatchObject({ valid: true, payment: { paymentId, status: 'settled' } })
  })

  it('is told to no other provider', async ({ expect }) => {
    const { paymentId, requestId } = await there.promise()
    const other = await world.endpoint()
    const stranger = providerOf(world, other)

    const settled = await stranger.settle({ paymentId, amount: '0.001' })
    const refunded = await stranger.refund({ paymentId, refundId: 'r', amount: '0.001' })
    const checked = await world.verify({ paymentId, requestId }, { key: other.provider.apiKey })

    expect(settled.body.reason).toBe('unauthorized_server')
    expect(refunded.body.reason).toBe('unauthorized_server')
    expect(outcomeOf(checked)).toEqual([404, 'not_found', 'never'])
  })

  const uses: [string, (promised: Promised) => Promise<Answer>][] = [
    ['/settle', ({ paymentId }) => provider.settle({ paymentId, amount: '0.001' })],
    ['/refund', ({ paymentId }) => provider.refund({ paymentId, refundId: 'r', amount: '0.001' })],
    [
      '/verify',
      ({ paymentId, requestId }) =>
        world.verify({ paymentId, requestId }, { key: endpoint.provider.apiKey }),
    ],
  ]

  it.for(uses)('is not refused for good by %s while its region is silent', async ([, use], it) => {
    const promised = await there.promise()
    there.silence('south')

    const meanwhile = await use(promised)
    const wasSettled = await there.isSettled(promised)
    there.hear('south')
    const afterwards = await use(promised)

    it.expect([outcomeOf(meanwhile), wasSettled]).toEqual([unavailable, false])
    it.expect(afterwards.body.success ?? afterwards.body.valid).toBe(true)
  })

  it.for(uses)(
    'is not refused for good by %s while the ledger stands still',
    async ([, use], it) => {
      const promised = await there.promise()
      there.standLedgerStill()

      const meanwhile = await use(promised)
      there.letLedgerGoOn()
      const afterwards = await use(promised)

      it.expect(outcomeOf(meanwhile)).toEqual(unavailable)
      it.expect(afterwards.body.success ?? afterwards.body.valid).toBe(true)
    },
  )
})

describe('a promise nobody drained, named by a proof that is over', () => {
  it.for(['native', 'standard'])('is settled (%s body)', async (form, { expect }) => {
    const { proof, requestId, paymentId } = await there.promise()
    await world.advance(130_000)

    const settled = await provider.settle(
      form === 'native' ? { proof, amount: '0.001' } : standardBody({ proof, requestId, endpoint }),
    )

    expect(settled.body).toMatchObject({ success: true })
    expect(await countSettled(world, [paymentId])).toBe(1)
  })

  it('is told in the words of the standard while its region is silent', async ({ expect }) => {
    const { proof, requestId } = await there.promise()
    await world.advance(130_000)
    there.silence('south')

    const settled = await provider.settle(standardBody({ proof, requestId, endpoint }))

    expect([settled.status, settled.body.success]).toEqual([503, false])
    expect(settled.body.errorReason).toBe('dependency_unavailable')
  })
})
