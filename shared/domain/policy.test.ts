import { describe, it } from 'vitest'
import { Amount } from './money.ts'
import { REDEMPTION_SECONDS } from './payment.ts'
import { refusalBy } from './policy.ts'

const CHANGED = 1_795_000_000
const snapshot = {
  version: 1,
  paymentMax: Amount.parse('1000'),
  providers: undefined,
  changedAt: CHANGED,
}

describe('a remembered policy', () => {
  it.for<[string, string, number, 'payment_max' | undefined]>([
    ['one unit more', '1001', REDEMPTION_SECONDS + 1, 'payment_max'],
    ['what it allows', '1000', REDEMPTION_SECONDS + 1, undefined],
    ['less', '1', REDEMPTION_SECONDS + 1, undefined],
    ['more, while an older payment can be redeemed', '1001', REDEMPTION_SECONDS, undefined],
    ['more, at once', '1001', 0, undefined],
    ['more, before it began', '1001', -1, undefined],
  ])('judges %s', ([, amount, age, refused], { expect }) => {
    expect(refusalBy(snapshot, Amount.parse(amount), CHANGED + age)).toBe(refused)
  })
})
