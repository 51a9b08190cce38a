import { createHash, randomUUID } from 'node:crypto'
import { SignJWT, UnsecuredJWT } from 'jose'
import type { Answer } from './http.ts'
import type { World } from './world.ts'

/** The signing keys of a world that QStash's stand-in does not know: whatever it sends is refused. */
export const KEYS = { current: 'sig_current_key_of_this_spec', next: 'sig_next_key_of_this_spec' }

/** Both routes that QStash calls. */
export const ROUTES = ['/internal/webhooks', '/internal/settlements'] as const
export type Route = (typeof ROUTES)[number]

/** Printed in the vendor's public package. */
const PUBLIC_KEY = 'sig_7kYjw48mhY7kAjqNGcy6cr29RJ6r'

/** How a callback differs from the one QStash would make. */
export type Forgery = {
  key?: string
  claims?: Record<string, unknown>
  header?: Record<string, unknown>
  /** What was signed, when it is not what is sent. */
  signedBody?: string
  seconds?: number
}

export const digestOf = (body: string) =>
  `${createHash('sha256').update(body).digest('base64url')}=`

/** Signs and sends callbacks to one route of a world. */
export class Caller {
  readonly #world: World
  readonly #path: Route

  constructor(world: World, path: Route) {
    this.#world = world
    this.#path = path
  }

  sign(body: string, forgery: Forgery = {}): Promise<string> {
    return new SignJWT(this.#claimsOf(forgery.signedBody ?? body, forgery))
      .setProtectedHeader({ alg: 'HS256', typ: 'JWT', ...forgery.header })
      .sign(new TextEncoder().encode(forgery.key ?? KEYS.current))
  }

  unsecured(body: string): string {
    return new UnsecuredJWT(this.#claimsOf(body, {})).encode()
  }

  send(body: string, signature?: string): Promise<Answer> {
    const headers = signature === undefined ? {} : { 'upstash-signature': signature }
    return this.#world.post(this.#path, body, { headers })
  }

  /** Sends what is signed as it should be, unless a forgery is named. */
  async call(body: string, forgery: Forgery = {}): Promise<Answer> {
    return this.send(body, await this.sign(body, forgery))
  }

  /** The claims QStash makes; `undefined` leaves one out. */
  #claimsOf(body: string, { claims, seconds = 0 }: Forgery): Record<string, unknown> {
    const { clock, issuer } = this.#world.payos
    const iat = Math.floor(clock.now() / 1000) + seconds
    const all = {
      iss: 'Upstash',
      sub: issuer + this.#path,
      iat,
      nbf: iat,
      exp: iat + 300,
      jti: `jwt_${randomUUID()}`,
      body: digestOf(body),
      ...claims,
    }
    return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
  }
}

type Aimed = { path: Route; issuer: string }

const aimedAt = (sub: string | undefined): Forgery => ({ claims: { sub } })
const otherThan = (path: Route) => ROUTES.find((route) => route !== path)

/** Callbacks that are signed, and are none of QStash's to this route. */
export const forgeries: [string, (aimed: Aimed) => Forgery][] = [
  ['another key', () => ({ key: 'sig_another_key_altogether' })],
  ['the key everybody knows', () => ({ key: PUBLIC_KEY })],
  ['an empty issuer', () => ({ claims: { iss: '' } })],
  ['another issuer', () => ({ claims: { iss: 'upstash' } })],
  ['no issuer', () => ({ claims: { iss: undefined } })],
  ['another route of ours', ({ path, issuer }) => aimedAt(`${issuer}${otherThan(path)}`)],
  ['our route with a slash', ({ path, issuer }) => aimedAt(`${issuer}${path}/`)],
  ['our route with a query', ({ path, issuer }) => aimedAt(`${issuer}${path}?shard=1`)],
  ['our route by another name', ({ path }) => aimedAt(`https://other.example${path}`)],
  ['the address of a provider', () => aimedAt('http://127.0.0.1:8403/hooks/0')],
  ['no address', () => aimedAt(undefined)],
  ['another body', () => ({ signedBody: '{"outbox":1}' })],
  ['no body', () => ({ claims: { body: undefined } })],
  ['an empty hash', () => ({ claims: { body: '' } })],
  ['a time six seconds past its end', () => ({ seconds: -306 })],
  ['a time that has not come', () => ({ seconds: 10 })],
  ['a start that has not come', () => ({ claims: { nbf: 9_999_999_999 } })],
  ['no end', () => ({ claims: { exp: undefined } })],
  ['an end that never comes, made long ago', () => ({ seconds: -400, claims: { exp: 9e9 } })],
  ['no start', () => ({ claims: { nbf: undefined } })],
  ['no time', () => ({ claims: { iat: undefined } })],
  ['no id', () => ({ claims: { jti: undefined } })],
  ['another algorithm', () => ({ key: KEYS.current.repeat(4), header: { alg: 'HS512' } })],
]

type Signed = { signed: string; unsecured: string }

/** What stands where a signature should. */
export const texts: [string, (callback: Signed) => string | undefined][] = [
  ['no signature', () => undefined],
  ['an empty signature', () => ''],
  ['a signature that is none', () => 'a.b.c'],
  ['an unsecured token', ({ unsecured }) => unsecured],
  ['a signature cut short', ({ signed }) => signed.slice(0, -4)],
  ['two signatures', ({ signed }) => `${signed}, ${signed}`],
  ['a signature without end', ({ signed }) => signed + 'A'.repeat(4_000)],
]
