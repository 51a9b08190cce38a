import { createHmac, createPublicKey, type JsonWebKey, timingSafeEqual, verify } from 'node:crypto'
import type { MovableClock } from '../../clock.ts'
import { Refusal } from './failure.ts'

/** A verification key: asymmetric, or symmetric (`kty: 'oct'`), with its `kid` if it has one. */
export type Jwk = JsonWebKey & { kid?: string; alg?: string }

export type Claims = Record<string, unknown>

/** Clocks may differ by this much. */
const SKEW_SECONDS = 30
const CACHED_TOKENS = 1000

/**
 * Verifies role tokens as PostgREST does, against whatever keys are in force now.
 *
 * A token that names a key is only checked with a key of that name. Signatures are checked once per
 * token; its times are checked on every call.
 */
export class TokenVerifier {
  readonly #clock: MovableClock
  #keys: readonly Jwk[]
  #verified = new Map<string, Claims>()

  constructor(clock: MovableClock, keys: readonly Jwk[]) {
    this.#clock = clock
    this.#keys = keys
  }

  /** From now on only these keys verify, also for tokens that were accepted before. */
  replaceKeys(keys: readonly Jwk[]): void {
    this.#keys = keys
    this.#verified.clear()
  }

  claimsOf(token: string): Claims {
    const claims = this.#verified.get(token) ?? this.#remember(token, this.#verify(token))
    this.#checkTimes(claims)
    return claims
  }

  #remember(token: string, claims: Claims): Claims {
    const [oldest] = this.#verified.keys()
    if (this.#verified.size >= CACHED_TOKENS && oldest !== undefined) this.#verified.delete(oldest)
    this.#verified.set(token, claims)
    return claims
  }

  #verify(token: string): Claims {
    if (this.#keys.length === 0) {
      throw new Refusal({ status: 500, code: 'PGRST300', message: 'Server lacks JWT secret' })
    }
    if (token === '') throw undecodable('Empty JWT is sent in Authorization header')
    const parts = token.split('.')
    const [head = '', body = '', signature = ''] = parts
    if (parts.length !== 3) throw undecodable(`Expected 3 parts in JWT; got ${parts.length}`)

    const { alg, kid } = decodePart(head) ?? {}
    if (typeof alg !== 'string') throw undecodable('JWT cryptographic operation failed')
    if (alg === 'none') throw unsecured()
    const candidates = this.#keys.filter((key) => isFor(key, alg, kid))
    if (candidates.length === 0) throw noKey('No suitable key was found to decode the JWT')

    const signed = { alg, input: `${head}.${body}`, signature: Buffer.from(signature, 'base64url') }
    if (!candidates.some((key) => isSignedBy(key, signed))) {
      throw noKey('None of the keys was able to decode the JWT')
    }
    const claims = decodePart(body)
    if (!claims) throw badClaims('Parsing claims failed')
    return claims
  }

  #checkTimes({ exp, nbf, iat, aud }: Claims) {
    const now = Math.floor(this.#clock.now() / 1000)
    if (now - SKEW_SECONDS > (seconds('exp', exp) ?? now)) throw badClaims('JWT expired')
    if (now + SKEW_SECONDS < (seconds('nbf', nbf) ?? now)) throw badClaims('JWT not yet valid')
    if (now + SKEW_SECONDS < (seconds('iat', iat) ?? now)) throw badClaims('JWT issued at future')
    const audiences = aud === undefined || aud === null ? [] : [aud].flat()
    if (!audiences.every((it) => typeof it === 'string')) {
      throw badClaims("The JWT 'aud' claim must be a string or an array of strings")
    }
  }
}

function seconds(name: string, value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'number') throw badClaims(`The JWT '${name}' claim must be a number`)
  return Number.isInteger(value) ? value : 0
}

const KEY_TYPES: Record<string, { kty: string; hash: string | null }> = {
  HS256: { kty: 'oct', hash: 'sha256' },
  RS256: { kty: 'RSA', hash: 'sha256' },
  ES256: { kty: 'EC', hash: 'sha256' },
  EdDSA: { kty: 'OKP', hash: null },
}

const isFor = (key: Jwk, alg: string, kid: unknown) =>
  KEY_TYPES[alg]?.kty === key.kty &&
  (key.alg === undefined || key.alg === alg) &&
  (kid === undefined || kid === key.kid)

type Signed = { alg: string; input: string; signature: Buffer }

function isSignedBy(key: Jwk, { alg, input, signature }: Signed): boolean {
  if (key.kty === 'oct') {
    const expected = createHmac('sha256', Buffer.from(key.k ?? '', 'base64url'))
      .update(input)
      .digest()
    return expected.length === signature.length && timingSafeEqual(expected, signature)
  }
  const publicKey = createPublicKey({ key, format: 'jwk' })
  const how = { key: publicKey, dsaEncoding: 'ieee-p1363' as const }
  return verify(KEY_TYPES[alg]?.hash ?? null, Buffer.from(input), how, signature)
}

function decodePart(part: string): Claims | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'))
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Claims)
      : undefined
  } catch {
    return undefined
  }
}

function unauthorized(code: string, message: string, details?: string): Refusal {
  const challenge = `Bearer error="invalid_token", error_description=${JSON.stringify(message)}`
  const headers = { 'www-authenticate': challenge }
  return new Refusal({ status: 401, code, message, details, headers })
}

const undecodable = (message: string) => unauthorized('PGRST301', message)
const badClaims = (message: string) => unauthorized('PGRST303', message)
const noKey = (details: string) =>
  unauthorized('PGRST301', 'No suitable key or wrong key type', details)
const unsecured = () =>
  unauthorized(
    'PGRST301',
    'Wrong or unsupported encoding algorithm',
    "JWT is unsecured but expected 'alg' was not 'none'",
  )
