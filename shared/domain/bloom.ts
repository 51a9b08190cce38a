import type { PaymentId } from './ids.ts'

/** Ids each half takes before it is full. */
const CAPACITY = 90_000
/** Bits of each half; with six of them an id, a full half errs on fewer than 1 in 200. */
const BITS = 2 ** 20

/**
 * Remembers the payment ids this isolate has seen, in 256 KiB: *surely not seen* or *maybe seen*.
 *
 * Never forgets any of the last 90 000 distinct ids, and remembers up to 180 000 as one half fills
 * while the other waits to be dropped. Says *maybe* of fewer than 1 in 100 ids it has not seen.
 */
export class SeenPayments {
  #current = new Uint32Array(BITS / 32)
  #previous = new Uint32Array(BITS / 32)
  #count = 0

  add(id: PaymentId): void {
    const bits = bitsOf(id)
    if (hasAll(this.#current, bits)) return
    if (this.#count === CAPACITY) this.#rotate()
    for (const bit of bits) {
      this.#current[bit >>> 5] = (this.#current[bit >>> 5] ?? 0) | (1 << (bit & 31))
    }
    this.#count += 1
  }

  maybeHas(id: PaymentId): boolean {
    const bits = bitsOf(id)
    return hasAll(this.#current, bits) || hasAll(this.#previous, bits)
  }

  #rotate(): void {
    const dropped = this.#previous
    this.#previous = this.#current
    this.#current = dropped.fill(0)
    this.#count = 0
  }
}

/**
 * Six bit positions of 20 bits each. A payment id is a hash already: without the digits that hold
 * its version and variant it has exactly thirty free hexadecimal digits, so nothing is hashed.
 */
function bitsOf(id: PaymentId): number[] {
  const digits =
    id.slice(0, 8) + id.slice(9, 13) + id.slice(15, 18) + id.slice(20, 23) + id.slice(24)
  return [0, 5, 10, 15, 20, 25].map((at) => Number.parseInt(digits.slice(at, at + 5), 16))
}

const hasAll = (half: Uint32Array, bits: readonly number[]): boolean =>
  bits.every((bit) => ((half[bit >>> 5] ?? 0) & (1 << (bit & 31))) !== 0)
