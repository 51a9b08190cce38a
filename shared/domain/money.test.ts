import fc from 'fast-check'
import { describe, it } from 'vitest'
import { Amount, Currency, decimalsOf, formatDecimal, parseDecimal } from './money.ts'

const atomic = fc.bigInt({ min: 0n, max: 2n ** 53n - 1n }).map((units) => units as Amount)
const currency = fc.constantFrom(...Currency.options)

describe('Amount', () => {
  it('turns every amount into digits and back', ({ expect }) => {
    fc.assert(
      fc.property(atomic, (amount) => {
        expect(Amount.decode(Amount.encode(amount))).toBe(amount)
      }),
    )
  })

  it.for([
    ...['', '-1', '+1', '01', '00', '1.0', '1e3', '0x1', ' 1', '1 ', '1\n', '１', '1_000', 'NaN'],
    ...['9007199254740992', '9007199254740993', '99999999999999999', '9'.repeat(400)],
  ])('refuses %j, which is no canonical digits below 2^53', (text, { expect }) => {
    expect(Amount.safeDecode(text).success).toBe(false)
  })

  it('has no negative and none of 2^53 or more', ({ expect }) => {
    expect(Amount.safeEncode(-1n as Amount).success).toBe(false)
    expect(Amount.safeEncode((2n ** 53n) as Amount).success).toBe(false)
    expect(Amount.encode((2n ** 53n - 1n) as Amount)).toBe('9007199254740991')
  })
})

describe('Currency', () => {
  it.for(['usdc', 'USDC ', 'USD', ''])('refuses %j', (text, { expect }) => {
    expect(Currency.safeParse(text).success).toBe(false)
  })

  it('has six decimals in USDC and in EURC', ({ expect }) => {
    expect(Currency.options.map(decimalsOf)).toEqual([6, 6])
  })
})

describe('parseDecimal', () => {
  it.for<[string, bigint, string]>([
    // units        atomic          canonical
    ['0', 0n, '0'],
    ['0.0', 0n, '0'],
    ['0.000001', 1n, '0.000001'],
    ['0.001', 1_000n, '0.001'],
    ['0.10', 100_000n, '0.1'],
    ['5', 5_000_000n, '5'],
    ['10', 10_000_000n, '10'],
    ['5.000000', 5_000_000n, '5'],
    ['9007199254.740991', 9_007_199_254_740_991n, '9007199254.740991'],
  ])('reads %s as %s atomic units, canonical %s', ([text, units, canonical], { expect }) => {
    expect(parseDecimal(text, 'USDC')).toBe(units)
    expect(formatDecimal(units as Amount, 'USDC')).toBe(canonical)
  })

  it.for([
    ...['', '.', '.5', '5.', '00', '00.1', '01', '-1', '-0', '+1', '1e-10', '1e3', '1E3', '1.0e0'],
    ...[
      ' 1',
      '1 ',
      '1\n',
      '1,5',
      '１',
      '٣',
      '0x1',
      '0b1',
      '1n',
      '1_000',
      'NaN',
      'Infinity',
      'null',
    ],
    ...['0.0000001', '0.1000000', '1.2.3', '9007199254.740992', '9007199254740993'],
    ...['999999999999999999999', '0'.repeat(5_000), '9'.repeat(5_000), `0.${'0'.repeat(5_000)}`],
  ])('refuses %j', (text, { expect }) => {
    expect(parseDecimal(text, 'USDC')).toBeUndefined()
  })

  it('undoes formatDecimal', ({ expect }) => {
    fc.assert(
      fc.property(atomic, currency, (amount, code) => {
        const text = formatDecimal(amount, code)
        expect(text).toMatch(/^(0|[1-9]\d*)(\.\d{0,5}[1-9])?$/)
        expect(parseDecimal(text, code)).toBe(amount)
      }),
    )
  })

  it('reads any text as nothing or as an amount in range, with one canonical form', ({
    expect,
  }) => {
    const digits = fc.string({ unit: fc.constantFrom(...'0123456789.-+e '), maxLength: 24 })
    fc.assert(
      fc.property(fc.oneof(digits, fc.string()), currency, (text, code) => {
        const amount = parseDecimal(text, code)
        if (amount === undefined) return
        expect(typeof amount).toBe('bigint')
        expect(amount >= 0n && amount < 2n ** 53n).toBe(true)
        expect(parseDecimal(formatDecimal(amount, code), code)).toBe(amount)
      }),
    )
  })

  it('keeps the order of the units it reads', ({ expect }) => {
    const wide = (amount: Amount) => formatDecimal(amount, 'USDC').split('.')
    const key = ([whole = '', fraction = '']: string[]) =>
      whole.padStart(10, '0') + fraction.padEnd(6, '0')
    fc.assert(
      fc.property(atomic, atomic, (a, b) => {
        expect(key(wide(a)) < key(wide(b))).toBe(a < b)
      }),
    )
  })
})
