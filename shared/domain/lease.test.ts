import { describe, it } from 'vitest'
import { WalletId } from './ids.ts'
import { isRunningLow, shardOf, wantedLimit } from './lease.ts'
import { Amount } from './money.ts'

const amount = (digits: string) => Amount.decode(digits)

describe('a lease', () => {
  it.for([
    ['00', 0],
    ['3f', 63],
    ['40', 0],
    ['ff', 63],
  ] as const)('of a wallet that ends in %s is in shard %i', ([end, shard], { expect }) => {
    expect(shardOf(WalletId.parse(`00000000-0000-4000-8000-0000000000${end}`))).toBe(shard)
  })

  it.for([
    { remaining: '30', lifeMs: 15_000, low: false },
    { remaining: '29', lifeMs: 60_000, low: true },
    { remaining: '100', lifeMs: 14_999, low: true },
  ])('of 100 with $remaining left for $lifeMs ms: low is $low', ({ low, ...left }, { expect }) => {
    const { remaining, lifeMs } = left
    expect(isRunningLow(amount('100'), { remaining: amount(remaining), lifeMs })).toBe(low)
  })

  it.for([
    ['0', '1000', 10_000n],
    ['50000', '1000', 100_000n],
  ] as const)('for a rate of %s and a price of %s is of %s', ([rate, price, limit], { expect }) => {
    expect(wantedLimit(amount(rate), amount(price))).toBe(limit)
  })
})
