import { createHash, randomBytes } from 'node:crypto'
import { SignJWT } from 'jose'
import type { Table } from './store.ts'

/** The values the official development server publishes for its first user; no secrets. */
export const PUBLIC_VALUES = {
  token: 'eyJVc2VySUQiOiJkZWZhdWx0VXNlciIsIlBhc3N3b3JkIjoiZGVmYXVsdFBhc3N3b3JkIn0=',
  currentSigningKey: 'sig_7kYjw48mhY7kAjqNGcy6cr29RJ6r',
  nextSigningKey: 'sig_5ZB6DVzB1wjE8S6rZ7eenA8Pdnhs',
}

const LIFE_SECONDS = 300

/** Two signing keys: the current one signs, the next one takes its place at each rotation. */
export class SigningKeys {
  readonly #table: Table<string>

  constructor(table: Table<string>) {
    this.#table = table
  }

  get current(): string {
    return this.#table.get('current') ?? PUBLIC_VALUES.currentSigningKey
  }

  get next(): string {
    return this.#table.get('next') ?? PUBLIC_VALUES.nextSigningKey
  }

  /** Signs with keys of the caller's own, which nobody else knows. */
  use(keys: { current: string; next: string }): void {
    this.#table.set('current', keys.current)
    this.#table.set('next', keys.next)
  }

  rotate(): void {
    this.#table.set('current', this.next)
    this.#table.set('next', `sig_${randomId(28)}`)
  }

  /** The `Upstash-Signature` of one request: its destination and its body, for five minutes. */
  sign(request: { url: string; body: Buffer; nowMs: number }): Promise<string> {
    const iat = Math.floor(request.nowMs / 1000)
    return new SignJWT({ body: digestOf(request.body) })
      .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
      .setIssuer('Upstash')
      .setSubject(request.url)
      .setIssuedAt(iat)
      .setNotBefore(iat)
      .setExpirationTime(iat + LIFE_SECONDS)
      .setJti(`jwt_${randomId(28)}`)
      .sign(new TextEncoder().encode(this.current))
  }
}

// The hosted service pads this digest, against the habit of base64url; receivers must bear it.
const digestOf = (body: Buffer) => `${createHash('sha256').update(body).digest('base64url')}=`

const ALPHABET = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'

export const randomId = (length: number) =>
  Array.from(randomBytes(length), (byte) => ALPHABET[byte % ALPHABET.length]).join('')
