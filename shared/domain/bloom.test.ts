import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, it } from 'vitest'
import { SeenPayments } from './bloom.ts'
import { PaymentId } from './ids.ts'

/** The ids are hashes, so hashes of numbers are what a measure needs, and the same every time. */
function idOf(number: number): PaymentId {
  const digits = createHash('sha256').update(`${number}`).digest('hex')
  const parts = [digits.slice(0, 8), digits.slice(8, 12), `8${digits.slice(13, 16)}`]
  return [...parts, `a${digits.slice(17, 20)}`, digits.slice(20, 32)].join('-') as PaymentId
}

const known = Array.from({ length: 190_000 }, (_, number) => idOf(number))
const unknown = Array.from({ length: 50_000 }, (_, number) => idOf(1_000_000 + number))

function addAll(seen: SeenPayments, ids: readonly PaymentId[]): void {
  for (const id of ids) seen.add(id)
}

/** The share of ids of which it says *maybe*. */
const rateOf = (seen: SeenPayments, ids: readonly PaymentId[]) =>
  ids.filter((id) => seen.maybeHas(id)).length / ids.length

describe('SeenPayments', () => {
  it('has seen nothing when it is new', ({ expect }) => {
    expect(PaymentId.parse(unknown[0])).toBe(idOf(1_000_000))
    expect(rateOf(new SeenPayments(), unknown)).toBe(0)
  })

  it('never forgets any of the last 90 000 ids', ({ expect }) => {
    const seen = new SeenPayments()
    let count = 0
    for (const next of [90_000, 90_001, 135_000, 180_000, 180_001, 190_000]) {
      addAll(seen, known.slice(count, next))
      count = next
      expect(rateOf(seen, known.slice(count - 90_000, count))).toBe(1)
    }
  })

  it('says maybe of at most 1 % of other ids, with one half full and with both', ({ expect }) => {
    const seen = new SeenPayments()
    addAll(seen, known.slice(0, 90_000))
    expect(rateOf(seen, unknown)).toBeLessThan(0.005)
    addAll(seen, known.slice(90_000, 180_000))
    expect(rateOf(seen, unknown)).toBeLessThan(0.01)
  })

  it('drops the older half when the newer is full', ({ expect }) => {
    const seen = new SeenPayments()
    addAll(seen, known)
    expect(rateOf(seen, known.slice(0, 80_000))).toBeLessThan(0.01)
  })

  it('is not filled by one id, however often it is added', ({ expect }) => {
    const seen = new SeenPayments()
    addAll(seen, known.slice(0, 1_000))
    addAll(seen, Array(190_000).fill(idOf(7)))
    expect(rateOf(seen, known.slice(0, 1_000))).toBe(1)
  })

  it('has every id it was given, whichever digits differ', ({ expect }) => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.uuid({ version: 8 }), { maxLength: 50 }), (ids) => {
        const seen = new SeenPayments()
        for (const id of ids) seen.add(PaymentId.parse(id))
        expect(ids.every((id) => seen.maybeHas(PaymentId.parse(id)))).toBe(true)
      }),
    )
  })

  it('tells ids apart by every digit but version and variant', ({ expect }) => {
    const zero = PaymentId.parse('00000000-0000-8000-8000-000000000000')
    const seen = new SeenPayments()
    seen.add(zero)
    const fixed = [8, 13, 14, 18, 19, 23]
    for (const at of zero
      .split('')
      .map((_, at) => at)
      .filter((at) => !fixed.includes(at))) {
      const other = PaymentId.parse(`${zero.slice(0, at)}1${zero.slice(at + 1)}`)
      expect([at, seen.maybeHas(other)]).toEqual([at, false])
    }
  })
})
