import fc from 'fast-check'
import { describe, it } from 'vitest'
import { NumberText } from './json.ts'
import { parseTimestamp } from './timestamp.ts'

const noon = Date.UTC(2026, 10, 20, 12) / 1000

describe('parseTimestamp', () => {
  it.for<[string, number]>([
    ['2026-11-20T12:00:00Z', noon],
    ['2026-11-20t12:00:00z', noon],
    ['2026-11-20T12:00:00.5Z', noon],
    ['2026-11-20T12:00:00.999999999Z', noon],
    ['2026-11-20T12:00:00+00:00', noon],
    ['2026-11-20T12:00:00-00:00', noon],
    ['2026-11-20T17:30:00+05:30', noon],
    ['2026-11-20T07:00:00-05:00', noon],
    ['2026-11-21T02:00:00+14:00', noon],
    ['2024-02-29T00:00:00Z', Date.UTC(2024, 1, 29) / 1000],
    ['2000-02-29T00:00:00Z', Date.UTC(2000, 1, 29) / 1000],
    ['1970-01-01T00:00:00Z', 0],
    ['9999-12-31T23:59:59Z', 253_402_300_799],
    [`${noon}`, noon],
    ['0', 0],
    ['99999999999', 99_999_999_999],
  ])('reads %s as %i', ([text, seconds], { expect }) => {
    expect(parseTimestamp(text)).toEqual({ ok: true, seconds })
  })

  it.for(['0', '1795176000'])('reads the number %s as the text', (source, { expect }) => {
    expect(parseTimestamp(new NumberText(source))).toEqual(parseTimestamp(source))
    expect(parseTimestamp(source).ok).toBe(true)
  })

  it.for(['100000000000', `${noon}000`, '99999999999999'])(
    'says that %s is milliseconds',
    (source, { expect }) => {
      const refusal = { ok: false, reason: 'milliseconds' }
      expect(parseTimestamp(source)).toEqual(refusal)
      expect(parseTimestamp(new NumberText(source))).toEqual(refusal)
    },
  )

  it.for([
    ...['', ' ', 'now', '2026-11-20', '12:00:00Z', '2026-11-20T12:00:00', '2026-11-20 12:00:00Z'],
    ...['2026-11-20T12:00Z', '2026-11-20T12Z', '2026-11-20T12:00:00.Z', '2026-11-20T12:00:00,5Z'],
    ...['2026-11-20T12:00:00+0000', '2026-11-20T12:00:00+00', '2026-11-20T12:00:00 Z'],
    ...['2026-11-20T12:00:00+24:00', '2026-11-20T12:00:00+00:60', '2026-11-20T12:00:00UTC'],
    ...['2026-11-20T24:00:00Z', '2026-11-20T12:60:00Z', '2016-12-31T23:59:60Z'],
    ...['2026-02-29T00:00:00Z', '1900-02-29T00:00:00Z', '2026-04-31T00:00:00Z'],
    ...['2026-13-01T00:00:00Z', '2026-00-01T00:00:00Z', '2026-01-00T00:00:00Z'],
    ...['2026-01-32T00:00:00Z', '0075-01-01T00:00:00Z', '0000-01-01T00:00:00Z'],
    ...['1969-12-31T23:59:59Z', '1970-01-01T00:00:00+00:01', '12026-11-20T12:00:00Z'],
    ...['+2026-11-20T12:00:00Z', '26-11-20T12:00:00Z', '2026-1-2T12:00:00Z', '20261120T120000Z'],
    ...['2026-W47-5T12:00:00Z', '２026-11-20T12:00:00Z', '2026-11-20T12:00:00Z\n'],
    ...['\n2026-11-20T12:00:00Z', 'Fri, 20 Nov 2026 12:00:00 GMT', '-1', '+1', '1.5', '1.0', '1e9'],
    ...['01795176000', '0x6B000000', '1 795 176 000', '999999999999999', '9'.repeat(400)],
    ...[`2026-11-20T12:00:00.${'9'.repeat(60_000)}Z`],
  ])('refuses %j', (text, { expect }) => {
    expect(parseTimestamp(text)).toEqual({ ok: false, reason: 'form' })
  })

  it.for(['1.5', '1795176000.0', '1.795176e9', '-1', '-0', '1E3'])(
    'refuses the number %s',
    (source, { expect }) => {
      expect(parseTimestamp(new NumberText(source))).toEqual({ ok: false, reason: 'form' })
    },
  )

  it('agrees with the calendar of Date on every moment and offset', ({ expect }) => {
    const moment = fc.integer({ min: 86_400, max: 253_402_300_799 - 86_400 })
    const minutes = fc.integer({ min: -1439, max: 1439 })
    fc.assert(
      fc.property(moment, minutes, (seconds, ahead) => {
        const local = new Date((seconds + ahead * 60) * 1000).toISOString().slice(0, 19)
        const hours = `${Math.trunc(Math.abs(ahead) / 60)}`.padStart(2, '0')
        const offset = `${hours}:${`${Math.abs(ahead) % 60}`.padStart(2, '0')}`
        const text = `${local}${ahead < 0 ? '-' : '+'}${offset}`
        expect(parseTimestamp(text)).toEqual({ ok: true, seconds })
      }),
    )
  })
})
