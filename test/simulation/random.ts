const FNV = 0x01000193

/** Numbers that a 64-bit seed fixes once and for all. Streams forked by name do not disturb each other. */
export class Random {
  #a: number
  #b: number
  #c: number
  #count = 1

  constructor(low: number, high: number, third = 0) {
    this.#a = low | 0
    this.#b = high | 0
    this.#c = third | 0
    for (let round = 0; round < 12; round++) this.next()
  }

  /** The next 32 bits (sfc32). */
  next(): number {
    const sum = (this.#a + this.#b + this.#count) | 0
    this.#count = (this.#count + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum
    return sum >>> 0
  }

  /** From 0 up to, and without, `end`. */
  below(end: number): number {
    return Math.floor((this.next() / 2 ** 32) * end)
  }

  between(least: number, most: number): number {
    return least + this.below(most - least + 1)
  }

  chance(probability: number): boolean {
    return this.next() < probability * 2 ** 32
  }

  pick<Item>(items: readonly [Item, ...Item[]]): Item {
    return items[this.below(items.length)] ?? items[0]
  }

  /** Another stream, which depends on the seed and the name alone. */
  static of(seed: bigint, name: string): Random {
    let hash = 0x811c9dc5
    for (let at = 0; at < name.length; at++) hash = Math.imul(hash ^ name.charCodeAt(at), FNV)
    return new Random(
      Number(BigInt.asUintN(32, seed)),
      Number(BigInt.asUintN(32, seed >> 32n)),
      hash,
    )
  }

  bytes(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => this.below(256))
  }
}
