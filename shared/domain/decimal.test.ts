import { describe, it } from 'vitest'
import { formatUnits, parseAtomic, parseUnits } from './decimal.ts'

describe('parseUnits', () => {
  it.for<[string, bigint]>([
    ['0', 0n],
    ['0.000001', 1n],
    ['0.1', 100_000n],
    ['1', 1_000_000n],
    ['10.050000', 10_050_000n],
    ['12.345678', 12_345_678n],
    ['9007199254.740991', 2n ** 53n - 1n],
  ])('reads %s as %s', ([text, units], { expect }) => {
    expect(parseUnits(text)).toBe(units)
  })

  it.for([
    ...['', ' 1', '1 ', 'a1', '1a', '01', '00', '-1', '+1', '1.', '.5', '1.2.3', '1e3', '0x1'],
    ...['1.0000000', '0.0000001', '9007199254.740992', '9007199255', '12345678901234567', '１'],
  ])('refuses %j', (text, { expect }) => {
    expect(parseUnits(text)).toBeUndefined()
  })
})

describe('parseAtomic', () => {
  it.for<[string, bigint]>([
    ['0', 0n],
    ['7', 7n],
    ['1000', 1000n],
    ['9007199254740991', 2n ** 53n - 1n],
  ])('reads %s', ([text, units], { expect }) => {
    expect(parseAtomic(text)).toBe(units)
  })

  it.for([
    ...['', '00', '01', '-1', '1.0', 'a1', '1a', ' 1', '9007199254740992', '12345678901234567'],
    ...[1000, 1000n, null, undefined, ['1']],
  ])('refuses %s', (value, { expect }) => {
    expect(parseAtomic(value)).toBeUndefined()
  })
})

describe('formatUnits', () => {
  it.for<[bigint, string]>([
    [0n, '0'],
    [1n, '0.000001'],
    [10n, '0.00001'],
    [100_000n, '0.1'],
    [1_000_000n, '1'],
    [10_050_000n, '10.05'],
    [100_000_000n, '100'],
    [2n ** 53n - 1n, '9007199254.740991'],
  ])('writes %s as %s', ([units, text], { expect }) => {
    expect(formatUnits(units)).toBe(text)
  })
})
