import * as fc from 'fast-check'
import { describe, it } from 'vitest'
import { formatUnits, parseAtomic, parseUnits } from '../../shared/domain/decimal.ts'
import { Amount, formatDecimal, parseDecimal } from '../../shared/domain/money.ts'
import { signingText } from '../../shared/domain/pay-message.ts'
import { type PayFields, payMessage } from '../../shared/domain/pay-signature.ts'

/** Texts that are amounts, nearly amounts, or anything at all. */
const amounts = fc.oneof(
  fc.stringMatching(/^\d{0,17}(\.\d{0,8})?$/),
  fc.stringMatching(/^[-+]?[0-9.eE ]{0,20}$/),
  fc.string(),
)

describe('what the SDK reads and writes for itself', () => {
  it('is the same amount as the edge reads', async ({ expect }) => {
    await fc.assert(
      fc.property(amounts, (text) => {
        expect(parseUnits(text)).toBe(parseDecimal(text, 'USDC'))
        const atomic = Amount.safeDecode(text)
        expect(parseAtomic(text)).toBe(atomic.success ? atomic.data : undefined)
      }),
      { numRuns: 2000 },
    )
  })

  it('is the same text of an amount', async ({ expect }) => {
    await fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 53n - 1n }), (units) => {
        expect(formatUnits(units)).toBe(formatDecimal(units as Amount, 'EURC'))
      }),
      { numRuns: 2000 },
    )
  })

  it('is the same text to sign', async ({ expect }) => {
    const text = fc.string({ unit: 'binary', maxLength: 20 })
    const fields = fc.record({
      issuer: text,
      walletId: text,
      endpointId: text,
      amount: fc.bigInt({ min: 0n, max: 2n ** 53n - 1n }),
      currency: fc.constantFrom('USDC', 'EURC'),
      requestId: text,
      seconds: fc.nat(),
      method: text,
      resource: fc.option(text, { nil: undefined }),
      settlement: fc.constantFrom('sync', 'async'),
      capture: fc.constantFrom('automatic', 'manual'),
    })
    await fc.assert(
      fc.property(fields, (given) => {
        expect(signingText(given as PayFields)).toBe(payMessage(given as PayFields))
      }),
      { numRuns: 2000 },
    )
  })
})
