import type { MovableClock } from '../../clock.ts'
import { type Bytes, ReplyError, WRONG_TYPE } from './reply.ts'
import type { Stream } from './streams.ts'

type Values = {
  string: Bytes
  hash: Map<Bytes, Bytes>
  list: Bytes[]
  set: Set<Bytes>
  zset: Map<Bytes, number>
  stream: Stream
}
type Type = keyof Values

/** One key. `serial` grows with each new key, so that a scan has a place to resume from. */
type Entry = { type: Type; value: Values[Type]; expiresAt: number | undefined; serial: number }

/** The keys of one database. An expired key is gone by the clock, whether or not it was swept. */
export class Store {
  #entries = new Map<Bytes, Entry>()
  #serial = 0
  #snapshots = new Map<string, Map<Bytes, Entry>>()
  readonly #clock: MovableClock
  #frozenAt: number | undefined

  constructor(clock: MovableClock) {
    this.#clock = clock
  }

  /** Milliseconds by the injected clock; stands still inside {@link atOneMoment}. */
  now(): number {
    return this.#frozenAt ?? Math.floor(this.#clock.now())
  }

  /** Runs a script or transaction during which no key expires half-way. */
  atOneMoment<T>(run: () => T): T {
    if (this.#frozenAt !== undefined) return run()
    this.#frozenAt = this.now()
    try {
      return run()
    } finally {
      this.#frozenAt = undefined
    }
  }

  /** The value of `key` if it is of this type; throws WRONGTYPE if it is of another. */
  get<T extends Type>(type: T, key: Bytes): Values[T] | undefined {
    const entry = this.#entry(key)
    if (!entry) return undefined
    if (entry.type !== type) throw new ReplyError(WRONG_TYPE)
    return entry.value as Values[T]
  }

  /** Like {@link get}; where there is no key, one is made with `empty`. */
  getOrMake<T extends Type>(type: T, key: Bytes, empty: () => Values[T]): Values[T] {
    const known = this.get(type, key)
    if (known !== undefined) return known
    const value = empty()
    this.put(type, key, value)
    return value
  }

  /** Replaces whatever `key` held; it no longer expires. */
  put<T extends Type>(type: T, key: Bytes, value: Values[T]): void {
    const serial = this.#entry(key)?.serial ?? ++this.#serial
    this.#entries.set(key, { type, value, expiresAt: undefined, serial })
  }

  delete(key: Bytes): boolean {
    const known = this.#entry(key) !== undefined
    this.#entries.delete(key)
    return known
  }

  typeOf(key: Bytes): Type | undefined {
    return this.#entry(key)?.type
  }

  has(key: Bytes): boolean {
    return this.#entry(key) !== undefined
  }

  expiryOf(key: Bytes): number | undefined {
    return this.#entry(key)?.expiresAt
  }

  /** Replaces the value of a key and keeps its expiry. */
  replace<T extends Type>(type: T, key: Bytes, value: Values[T]): void {
    const expiresAt = this.expiryOf(key)
    this.put(type, key, value)
    this.setExpiry(key, expiresAt)
  }

  setExpiry(key: Bytes, expiresAt: number | undefined): void {
    const entry = this.#entry(key)
    if (entry) entry.expiresAt = expiresAt
  }

  size(): number {
    for (const key of this.#entries.keys()) this.#entry(key)
    return this.#entries.size
  }

  /** Up to `count` keys made after the one numbered `after`, oldest first, with their numbers. */
  keysAfter(after: number, count: number): { key: Bytes; type: Type; serial: number }[] {
    const found: { key: Bytes; type: Type; serial: number }[] = []
    for (const [key, entry] of this.#entries) {
      if (found.length >= count) break
      if (entry.serial > after && this.#entry(key)) {
        found.push({ key, type: entry.type, serial: entry.serial })
      }
    }
    return found
  }

  clear(): void {
    this.#entries.clear()
  }

  snapshot(): string {
    const id = `snapshot-${this.#snapshots.size + 1}`
    this.#snapshots.set(id, structuredClone(this.#entries))
    return id
  }

  /** Brings back the keys as they were; what expired in between stays expired. */
  restore(id: string): void {
    const snapshot = this.#snapshots.get(id)
    if (!snapshot) throw new Error(`no such snapshot: ${id}`)
    this.#entries = structuredClone(snapshot)
  }

  #entry(key: Bytes): Entry | undefined {
    const entry = this.#entries.get(key)
    if (entry?.expiresAt !== undefined && this.now() > entry.expiresAt) {
      this.#entries.delete(key)
      return undefined
    }
    return entry
  }
}
