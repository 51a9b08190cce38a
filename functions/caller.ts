import type { LRUCache } from 'lru-cache'
import { addressBlockOf } from '../shared/domain/address.ts'
import { type ApiKey, hashApiKey, parseApiKey } from '../shared/domain/api-key.ts'
import { type Problem, type ProblemCode, problem } from '../shared/domain/problem.ts'
import { refusal } from '../shared/domain/refusal.ts'
import { fail, ok, type Result } from '../shared/domain/result.ts'
import type { Clock, KeyHolder } from '../shared/ports.ts'
import type { PayosContext } from './http.ts'
import { memoryOf } from './memory.ts'

/** How long a key the ledger refused is refused without asking again, in seconds. */
const REFUSED_SECONDS = 10

/** How long a key the ledger knew passes the flood gate without being counted, in seconds. */
const KNOWN_SECONDS = 600

/** How long an address with too many unknown keys may present known ones only, in seconds. */
const FLOODING_SECONDS = 60

/** How many calls of a key an isolate lets through for each time it asks about the key's rate. */
export const CALLS_PER_ASK = 20

/** The period the rate of a key is counted over; see wrangler.toml. In seconds. */
const RATE_SECONDS = 10

const KEYS_MAX = 10_000

/** Calls of a key that may pass without asking; none and `isOver` when the last answer was no. */
type Allowance = { calls: number; isOver: boolean }

/** Outcomes that say nothing of the key: the ledger may never have judged it. */
const silent: readonly (ProblemCode | undefined)[] = ['dependency_unavailable', 'outcome_unknown']

/** The Workers rate-limit binding, as far as it is used: counts per location, approximately. */
export type RateLimit = { limit(options: { key: string }): Promise<{ success: boolean }> }

export type CallersOptions = {
  environment: 'test' | 'live'
  clock: Clock
  /** Bounds what one connecting address may ask the ledger with keys it does not know. */
  unknownKeys: RateLimit
  /** Sheds load of one key long before it can hurt others; asked by one call in twenty. */
  perKey: RateLimit
}

/**
 * Says who calls, by API key, without a trip.
 *
 * It proves form and environment only: whether the key exists is judged by the ledger, in the one
 * trip. What it remembers can refuse a key for a moment and never admits one. Keys are remembered
 * by the hash of their whole text, so guessing around a real id locks nobody out.
 */
export class Callers {
  readonly #options: CallersOptions
  readonly #refused: LRUCache<string, 'key_invalid' | 'key_revoked'>
  readonly #known: LRUCache<string, true>
  readonly #flooding: LRUCache<string, true>
  readonly #allowance: LRUCache<string, Allowance>

  constructor(options: CallersOptions) {
    this.#options = options
    const { clock } = options
    this.#refused = memoryOf({ max: KEYS_MAX, seconds: REFUSED_SECONDS, clock })
    this.#known = memoryOf({ max: KEYS_MAX, seconds: KNOWN_SECONDS, clock })
    this.#flooding = memoryOf({ max: KEYS_MAX, seconds: FLOODING_SECONDS, clock })
    this.#allowance = memoryOf({ max: KEYS_MAX, seconds: RATE_SECONDS, clock })
  }

  /** The holder of the key a request presents, or why it is refused. */
  async of(c: PayosContext, kinds: readonly ApiKey['kind'][]): Promise<Result<KeyHolder>> {
    const key = presentedKey(c)
    if (key?.environment !== this.#options.environment || !kinds.includes(key.kind)) {
      return { ok: false, problem: invalidKey(key, this.#options.environment, kinds) }
    }
    const keyHash = await hashApiKey(key.text)
    const refused = this.#refused.get(keyHash)
    if (refused) return { ok: false, problem: refusal(refused) }

    const isFlood = !this.#known.has(keyHash) && this.#flooding.has(addressOf(c))
    if (isFlood) return tooMany(FLOODING_SECONDS)
    if (!(await this.#isWithinRate(keyHash))) return tooMany(RATE_SECONDS)
    return ok({ kind: key.kind, keyId: key.id, keyHash })
  }

  /** One call asks for itself and those that follow; a key over its rate asks with every call. */
  async #isWithinRate(keyHash: string): Promise<boolean> {
    const allowance = this.#allowance.get(keyHash)
    if (allowance && allowance.calls > 0) {
      allowance.calls -= 1
      return true
    }
    const granted = { calls: CALLS_PER_ASK - 1, isOver: false }
    // Those that come while the answer is waited for would all ask as well.
    if (!allowance?.isOver) this.#allowance.set(keyHash, granted)
    const { success } = await this.#options.perKey.limit({ key: keyHash })
    if (!success) this.#allowance.set(keyHash, { calls: 0, isOver: true })
    else if (allowance?.isOver) this.#allowance.set(keyHash, granted)
    return success
  }

  /** Takes note of what the ledger said about a key. */
  async learn(c: PayosContext, keyHash: string, outcome: ProblemCode | undefined): Promise<void> {
    if (silent.includes(outcome)) return
    if (outcome !== 'key_invalid' && outcome !== 'key_revoked') {
      this.#known.set(keyHash, true)
      return
    }
    this.#refused.set(keyHash, outcome)
    const address = addressOf(c)
    const { success } = await this.#options.unknownKeys.limit({ key: address })
    if (!success) this.#flooding.set(address, true)
  }
}

/** `Authorization: Bearer …` or `X-API-Key`; nothing when absent, malformed or contradictory. */
function presentedKey(c: PayosContext): ApiKey | undefined {
  const authorization = c.req.header('authorization')
  const header = c.req.header('x-api-key')
  if (authorization === undefined) return parseApiKey(header ?? '')

  const bearer = /^Bearer +(\S+)$/i.exec(authorization)?.[1] ?? ''
  return header === undefined || header === bearer ? parseApiKey(bearer) : undefined
}

/** The address the platform saw, an IPv6 one by its /64; what a caller says of itself is ignored. */
const addressOf = (c: PayosContext): string =>
  addressBlockOf(c.req.header('cf-connecting-ip') ?? '')

function invalidKey(
  key: ApiKey | undefined,
  environment: string,
  kinds: readonly ApiKey['kind'][],
): Problem {
  if (key && key.environment !== environment) {
    return problem('key_invalid', {
      detail: `This is the ${environment} environment; the key belongs to the other one.`,
      hint: `Send a key with "_${environment}_" in its prefix.`,
    })
  }
  const prefix = kinds.map((kind) => (kind === 'agent' ? 'pk' : 'sk')).join('_… or ')
  return problem('key_invalid', {
    detail: 'No API key that may call this route was sent.',
    hint: `Send "Authorization: Bearer ${prefix}_${environment}_…", once.`,
  })
}

const tooMany = (seconds: number) =>
  fail('rate_limited', {
    detail: 'Too many requests from here.',
    hint: 'Wait, then repeat the same request.',
    retryAfterMs: seconds * 1000,
  })
