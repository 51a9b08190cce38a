import { describe, it } from 'vitest'
import { endsOf, type PaymentState, redemptionEndOf } from './payment.ts'

describe('a payment', () => {
  it.for<[PaymentState, string[]]>([
    ['held', ['settled', 'voided', 'expired']],
    ['settled', []],
    ['voided', []],
    ['expired', []],
  ])('that is %s ends as %j', ([state, ends], { expect }) => {
    expect(endsOf[state]).toEqual(ends)
  })

  it('has no other state', ({ expect }) => {
    expect(Object.keys(endsOf)).toEqual(['held', 'settled', 'voided', 'expired'])
  })

  it('is redeemed within fifteen minutes of being made', ({ expect }) => {
    expect(redemptionEndOf({ madeAt: 1_795_000_000 })).toBe(1_795_000_900)
  })
})
