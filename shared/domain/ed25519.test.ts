import fc from 'fast-check'
import { describe, it } from 'vitest'
import { encodeBase64url } from './base64url.ts'
import { publicKeyOf } from './ed25519.ts'

const p = 2n ** 255n - 19n
const order = 2n ** 252n + 27742317777372353535851937790883648493n

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n
  for (let square = base % p, rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * square) % p
    square = (square * square) % p
  }
  return result
}

const inverse = (value: bigint) => power(value, p - 2n)
const modulo = (value: bigint) => ((value % p) + p) % p
const d = modulo(-121665n * inverse(121666n))

type Point = { x: bigint; y: bigint }

/** The addition law of RFC 8032 §5.1, on affine coordinates: slow and plain. */
function add(a: Point, b: Point): Point {
  const k = modulo(d * a.x * b.x * a.y * b.y)
  return {
    x: modulo((a.x * b.y + b.x * a.y) * inverse(modulo(1n + k))),
    y: modulo((a.y * b.y + a.x * b.x) * inverse(modulo(1n - k))),
  }
}

function times(factor: bigint, point: Point): Point {
  let sum: Point = { x: 0n, y: 1n }
  for (let double = point, rest = factor; rest > 0n; rest >>= 1n) {
    if (rest & 1n) sum = add(sum, double)
    double = add(double, double)
  }
  return sum
}

/** A point with this y, if the curve has one (RFC 8032 §5.1.3). */
function pointAt(y: bigint): Point | undefined {
  const square = modulo((y * y - 1n) * inverse(modulo(d * y * y + 1n)))
  const root = power(square, (p + 3n) / 8n)
  for (const x of [root, modulo(root * power(2n, (p - 1n) / 4n))]) {
    if (modulo(x * x - square) === 0n) return { x, y: modulo(y) }
  }
  return undefined
}

function encode(y: bigint, sign: bigint): string {
  const digits = (y | (sign << 255n)).toString(16).padStart(64, '0')
  return encodeBase64url(Uint8Array.from(Buffer.from(digits, 'hex').reverse()))
}

/** Every y below 2^255 that encodes a point whose order divides eight. */
function smallOrderCoordinates(): bigint[] {
  const torsion = new Set<bigint>()
  for (let y = 2n; torsion.size < 5; y++) {
    const point = pointAt(y)
    if (!point) continue
    const generator = times(order, point)
    for (let k = 0n; k < 8n; k++) torsion.add(times(k, generator).y)
  }
  return [...torsion].flatMap((y) => [y, y + p]).filter((y) => y < 2n ** 255n)
}

describe('publicKeyOf', () => {
  it('refuses all fourteen encodings of the eight points of small order', ({ expect }) => {
    const coordinates = smallOrderCoordinates()
    expect(coordinates).toHaveLength(7)
    for (const y of coordinates) {
      expect(publicKeyOf(encode(y, 0n))).toBeUndefined()
      expect(publicKeyOf(encode(y, 1n))).toBeUndefined()
    }
  })

  it('takes any other 32 bytes in their one base64url text', ({ expect }) => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32, min: 2 }), (bytes) => {
        fc.pre(![0xec, 0xed, 0xee, 0x26, 0xc7].includes(bytes[0] ?? 0))
        expect(publicKeyOf(encodeBase64url(bytes))).toEqual(bytes)
      }),
    )
  })

  it.for([
    ...['', 'A'.repeat(42), 'A'.repeat(44), `${'B'.repeat(42)}B`, `${'B'.repeat(42)}=`],
    ...[`${'B'.repeat(42)} `, `${'B'.repeat(42)}+`, encode(5n, 0n).replace(/.$/, 'B')],
  ])('refuses %j', (text, { expect }) => {
    expect(publicKeyOf(text)).toBeUndefined()
  })
})
