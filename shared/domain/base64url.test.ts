import fc from 'fast-check'
import { describe, it } from 'vitest'
import { decodeBase64url, encodeBase64url } from './base64url.ts'

describe('base64url', () => {
  it('encodes as Node does and decodes back to the same bytes', ({ expect }) => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const text = encodeBase64url(bytes)
        expect(text).toBe(Buffer.from(bytes).toString('base64url'))
        expect(decodeBase64url(text)).toEqual(bytes)
      }),
    )
  })

  it('has one text for each sequence of bytes', ({ expect }) => {
    const unit = fc.constantFrom(...'ABCDQRgh019-_+/= \n')
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 8 }), (text) => {
        const bytes = decodeBase64url(text)
        if (bytes) expect(encodeBase64url(bytes)).toBe(text)
      }),
      { numRuns: 1_000 },
    )
  })

  it.for([
    ...['A', 'AAAAA', 'AA==', 'AAA=', 'AB', 'AAB', 'A A', 'AA\n', ' AA', 'AA+A', 'AA/A', 'AA.A'],
    ...['AAÀA', 'AA\u0000A', 'ＡA'],
  ])('refuses %j', (text, { expect }) => {
    expect(decodeBase64url(text)).toBeUndefined()
  })
})
