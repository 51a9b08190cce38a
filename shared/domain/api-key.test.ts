import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { describe, it } from 'vitest'
import { hashApiKey, makeApiKey, parseApiKey } from './api-key.ts'

const counting = Uint8Array.from({ length: 96 }, (_, i) => i)
const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const numberOf = (digits: string) =>
  [...digits].reduce((value, digit) => value * 62n + BigInt(alphabet.indexOf(digit)), 0n)

const options = fc.record({
  kind: fc.constantFrom('agent' as const, 'provider' as const),
  environment: fc.constantFrom('test' as const, 'live' as const),
  random: fc
    .uint8Array({ minLength: 96, maxLength: 96 })
    .filter((bytes) => bytes.filter((byte) => byte < 248).length >= 59),
})

describe('makeApiKey', () => {
  it('is fixed to the byte for the same random bytes', ({ expect }) => {
    expect(makeApiKey({ kind: 'agent', environment: 'test', random: counting })).toBe(
      'pk_test_0123456789ABCDEF_GHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvw3qdmVZ',
    )
    expect(makeApiKey({ kind: 'provider', environment: 'live', random: counting })).toBe(
      'sk_live_0123456789ABCDEF_GHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvw4TILnf',
    )
  })

  it('makes what parseApiKey reads, with the CRC-32 of all before it', ({ expect }) => {
    fc.assert(
      fc.property(options, (wanted) => {
        const text = makeApiKey(wanted)
        const { kind, environment } = wanted
        expect(parseApiKey(text)).toEqual({ kind, environment, id: text.slice(8, 24), text })
        expect(numberOf(text.slice(-6))).toBe(BigInt(crc32(text.slice(0, -6))))
      }),
    )
  })

  it('passes over the bytes that would make some digits likelier', ({ expect }) => {
    const biased = Uint8Array.from([248, 255, 250, ...counting])
    const make = (random: Uint8Array) => makeApiKey({ kind: 'agent', environment: 'test', random })
    expect(make(biased)).toBe(make(counting))

    const digits = Array.from({ length: 248 }, (_, byte) => new Uint8Array(59).fill(byte))
      .map((random) => make(random).charAt(8))
      .sort()
    expect(digits.join('')).toBe([...alphabet].flatMap((digit) => Array(4).fill(digit)).join(''))
  })

  it('throws rather than make a shorter key', ({ expect }) => {
    const make = (random: Uint8Array) => () =>
      makeApiKey({ kind: 'agent', environment: 'test', random })
    expect(make(new Uint8Array(58))).toThrow(RangeError)
    expect(make(new Uint8Array(96).fill(255))).toThrow(RangeError)
  })
})

describe('parseApiKey', () => {
  const key = makeApiKey({ kind: 'agent', environment: 'test', random: counting })

  it('refuses a key with any one character changed', ({ expect }) => {
    for (let at = 0; at < key.length; at++) {
      const other = key.charAt(at) === 'x' ? 'y' : 'x'
      expect(parseApiKey(key.slice(0, at) + other + key.slice(at + 1))).toBeUndefined()
    }
  })

  it('refuses a key moved to the other environment or kind', ({ expect }) => {
    expect(parseApiKey(key.replace('_test_', '_live_'))).toBeUndefined()
    expect(parseApiKey(key.replace('pk_', 'sk_'))).toBeUndefined()
  })

  it.for([
    ...['', 'pk_test_', key.slice(1), key.slice(0, -1), `${key}0`, ` ${key}`, `${key}\n`],
    ...[
      `Bearer ${key}`,
      key.toUpperCase(),
      key.replace('pk_test_', 'pk_prod_'),
      'x'.repeat(70_000),
    ],
  ])('refuses %s', (text, { expect }) => {
    expect(parseApiKey(text)).toBeUndefined()
  })
})

describe('hashApiKey', () => {
  it('is the SHA-256 of the whole text in lower-case hexadecimal', async ({ expect }) => {
    const key = makeApiKey({ kind: 'provider', environment: 'live', random: counting })
    expect(await hashApiKey(key)).toBe(createHash('sha256').update(key).digest('hex'))
    expect(await hashApiKey('abc')).toMatch(/^ba7816bf8f01cfea414140de5dae2223b00361a3/)
  })
})
