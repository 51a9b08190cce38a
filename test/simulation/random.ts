/** Numbers that a 64-bit seed fixes once and for all. Streams forked by name do not disturb each other. */
export class Random {
  #state: bigint

  constructor(seed: bigint) {
    this.#state = BigInt.asUintN(64, seed)
  }

  /** The next 32 bits (SplitMix64). */
  next(): number {
    this.#state = BigInt.asUintN(64, this.#state + 0x9e3779b97f4a7c15n)
    let mixed = this.#state
    mixed = BigInt.asUintN(64, (mixed ^ (mixed >> 30n)) * 0xbf58476d1ce4e5b9n)
    mixed = BigInt.asUintN(64, (mixed ^ (mixed >> 27n)) * 0x94d049bb133111ebn)
    return Number((mixed ^ (mixed >> 31n)) & 0xffffffffn)
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
    let hash = 0xcbf29ce484222325n
    for (const letter of name) {
      hash = BigInt.asUintN(64, (hash ^ BigInt(letter.charCodeAt(0))) * 0x100000001b3n)
    }
    return new Random(seed ^ hash)
  }

  bytes(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => this.below(256))
  }
}
