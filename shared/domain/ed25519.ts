import { decodeBase64url } from './base64url.ts'
import { hex } from './digest.ts'

/**
 * The y coordinates, sign bit clear, of every encoding of a point of order 1, 2, 4 or 8.
 *
 * Eight points have five canonical and, since y may be written plus 2^255 − 19, two more
 * coordinates. To such a key, a signature can be made that fits every message.
 */
const SMALL_ORDER = new Set([
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
])

/** The 32 bytes of a public key in canonical base64url, unless it is a point of small order. */
export function publicKeyOf(x: string): Uint8Array<ArrayBuffer> | undefined {
  const bytes = x.length === 43 ? decodeBase64url(x) : undefined
  return bytes && !isSmallOrder(bytes) ? bytes : undefined
}

function isSmallOrder(bytes: Uint8Array): boolean {
  const unsigned = bytes.map((byte, at) => (at === 31 ? byte & 0x7f : byte))
  return SMALL_ORDER.has(hex(unsigned))
}
