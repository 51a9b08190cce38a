import { it } from 'vitest'
import { amount, type LeaseRegion, leaseId, WALLET } from './region.ts'

/** What makes a lease the current one, and what does not. */
export function installing(region: () => LeaseRegion) {
  once(region)
  withRight(region)
  until(region)
}

function once(region: () => LeaseRegion) {
  it('is installed with its right, and lives no longer than that', async ({ expect }) => {
    expect(await region().lend()).toBe(true)

    const left = await region().store.remaining(WALLET)

    expect(left).toMatchObject({ id: leaseId(1), limit: 100n, remaining: 100n })
    expect(left?.lifeMs).toBeGreaterThan(50_000)
    expect(left?.lifeMs).toBeLessThanOrEqual(60_000)
  })

  it('is made by one at a time', async ({ expect }) => {
    const { store } = region()

    const [first, second] = [await store.prepare(WALLET, 'a'), await store.prepare(WALLET, 'b')]
    const again = await store.prepare(WALLET, 'a')

    expect(first).toMatch(/^a:\d+\.\d+$/)
    expect(second).toBeUndefined()
    expect(again).toBe(first)
  })

  it('is installed once, however often that is asked', async ({ expect }) => {
    const { store } = region()
    const right = await region().prepare()
    await region().quote()
    expect(await store.install(region().lease(), right)).toBe(true)
    await region().reserve()

    expect(await store.install(region().lease(), right)).toBe(true)

    expect(await store.remaining(WALLET)).toMatchObject({ remaining: 90n })
  })

  it('is not installed anew once it has run out', async ({ expect }) => {
    const { store } = region()
    const right = await region().prepare()
    await store.install(region().lease(), right)
    await region().expire('lease', WALLET)

    expect(await store.install(region().lease(), right)).toBe(false)

    expect(await store.remaining(WALLET)).toBeUndefined()
  })
}

function withRight(region: () => LeaseRegion) {
  it('is not installed when its right has run out, though the request for it comes again', async ({
    expect,
  }) => {
    const { store } = region()
    const right = await region().prepare('n')
    await region().expire('right', WALLET)
    const anew = await region().prepare('n')

    expect(await store.install(region().lease(), right)).toBe(false)
    expect(anew).not.toBe(right)
  })

  it('is not installed by a right that a later one voided', async ({ expect }) => {
    const { store } = region()
    const first = await region().prepare('a')
    const second = await region().prepare('b')

    expect(await store.install(region().lease({ epoch: 1 }), first)).toBe(false)
    expect(await store.install(region().lease({ epoch: 2 }), second)).toBe(true)
  })

  it.for([0, 1, 2])('of epoch %i does not follow one of epoch 2', async (epoch, { expect }) => {
    await region().lend({ epoch: 2 })

    expect(await region().lend({ id: leaseId(2), epoch })).toBe(false)

    expect(await region().store.remaining(WALLET)).toMatchObject({ id: leaseId(1) })
  })

  it('replaces the one before, with a count of its own', async ({ expect }) => {
    await region().lend()
    await region().reserve({ requestId: 'a' })

    await region().lend({ id: leaseId(2), epoch: 2, limit: amount('30') })

    const next = await region().reserve({ requestId: 'b' })
    expect(next).toMatchObject({
      reservation: { leaseId: leaseId(2), epoch: 2, seq: 1 },
      left: { remaining: 20n },
    })
  })
}

function until(region: () => LeaseRegion) {
  it('ends with the policy day', async ({ expect }) => {
    expect(await region().lend({ daySeconds: 7 })).toBe(true)

    const left = await region().store.remaining(WALLET)

    expect(left?.lifeMs).toBeGreaterThan(0)
    expect(left?.lifeMs).toBeLessThanOrEqual(7_000)
  })

  it('is not installed when the policy day is over', async ({ expect }) => {
    expect(await region().lend({ daySeconds: 0 })).toBe(false)
  })

  it('ends at once when it is revoked, with the right to the next', async ({ expect }) => {
    const { store } = region()
    await region().lend()
    const right = await region().prepare('next')

    await store.revoke(WALLET)

    expect(await store.remaining(WALLET)).toBeUndefined()
    expect(await store.install(region().lease({ id: leaseId(2), epoch: 2 }), right)).toBe(false)
    expect(await region().reserve()).toEqual({ kind: 'declined', reason: 'no_lease' })
  })
}
