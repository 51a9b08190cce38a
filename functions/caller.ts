import { LRUCache } from 'lru-cache'
import { type ApiKey, hashApiKey, parseApiKey } from '../shared/domain/api-key.ts'
import { type Problem, type ProblemCode, problem } from '../shared/domain/problem.ts'
import { refusal } from '../shared/domain/refusal.ts'
import { fail, ok, type Result } from '../shared/domain/result.ts'
import type { Clock, KeyHolder } from '../shared/ports.ts'
import type { PayosContext } from './http.ts'

/** How long a key the ledger refused is refused without asking again, in seconds. */
const REFUSED_SECONDS = 10

/** How long a key the ledger knew passes the flood gate without being counted, in seconds. */
const KNOWN_SECONDS = 600

/** The Workers rate-limit binding, as far as it is used: counts per location, approximately. */
export type RateLimit = { limit(options: { key: string }): Promise<{ success: boolean }> }

export type CallersOptions = {
  environment: 'test' | 'live'
  clock: Clock
  /** Bounds what one connecting address may ask the ledger with keys it does not know. */
  unknownKeys: RateLimit
  /** Sheds load of one key long before it can hurt others. */
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

  constructor(options: CallersOptions) {
    this.#options = options
    const perf = { now: () => options.clock.nowSeconds() * 1000 }
    this.#refused = new LRUCache({ max: 10_000, ttl: REFUSED_SECONDS * 1000, perf })
    this.#known = new LRUCache({ max: 10_000, ttl: KNOWN_SECONDS * 1000, perf })
    this.#flooding = new LRUCache({ max: 10_000, ttl: 60_000, perf })
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

    const flood = !this.#known.has(keyHash) && this.#flooding.has(addressOf(c))
    const shed = flood || !(await this.#options.perKey.limit({ key: keyHash })).success
    return shed ? tooMany : ok({ kind: key.kind, keyId: key.id, keyHash })
  }

  /** Takes note of what the ledger said about a key. */
  async learn(c: PayosContext, keyHash: string, outcome: ProblemCode | undefined): Promise<void> {
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
  const bearer = /^Bearer +(\S+)$/i.exec(c.req.header('authorization') ?? '')?.[1]
  const header = c.req.header('x-api-key')
  if (bearer !== undefined && header !== undefined && bearer !== header) return undefined
  return parseApiKey(bearer ?? header ?? '')
}

/** The address the platform saw, an IPv6 one by its /64; what a caller says of itself is ignored. */
function addressOf(c: PayosContext): string {
  const address = c.req.header('cf-connecting-ip') ?? ''
  return address.includes(':') ? address.split(':').slice(0, 4).join(':') : address
}

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

const tooMany = fail('rate_limited', {
  detail: 'Too many requests from here.',
  hint: 'Wait, then repeat the same request.',
  retryAfterMs: 60_000,
})
