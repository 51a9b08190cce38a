import type { Context } from 'hono'
import type { LRUCache } from 'lru-cache'
import { joseProofs } from '../shared/adapters/jose-proofs.ts'
import type { LedgerAddress } from '../shared/adapters/postgrest-call.ts'
import { postgrestEscrow, postgrestSettling } from '../shared/adapters/postgrest-escrow.ts'
import { postgrestLedger, postgrestUpkeep } from '../shared/adapters/postgrest-ledger.ts'
import { postgrestOutbox } from '../shared/adapters/postgrest-outbox.ts'
import { qstashCallbacks } from '../shared/adapters/qstash-callbacks.ts'
import { qstashWakes } from '../shared/adapters/qstash-wakes.ts'
import { redisStores } from '../shared/adapters/redis.ts'
import { redisLeases } from '../shared/adapters/redis-leases.ts'
import { webhookPost } from '../shared/adapters/webhook-post.ts'
import { SeenPayments } from '../shared/domain/bloom.ts'
import type { EndpointId, WalletId } from '../shared/domain/ids.ts'
import type { PolicySnapshot } from '../shared/domain/policy.ts'
import { type Listing, QUOTE_SECONDS } from '../shared/domain/quote.ts'
import type { Settling } from '../shared/ports/leases.ts'
import type {
  Answers,
  Callbacks,
  Clock,
  Ledger,
  LedgerUpkeep,
  Outbox,
  Proofs,
  Quotes,
  ToldQuote,
  Wakes,
  WebhookPost,
} from '../shared/ports.ts'
import { CALLBACK_SECONDS } from './callbacks.ts'
import { Callers } from './caller.ts'
import type { Config } from './config.ts'
import type { PayosEnv } from './http.ts'
import { memoryOf } from './memory.ts'
import { Meter } from './meter.ts'
import type { Region } from './regions.ts'

/** What this isolate remembers of quotes and policies, at most. */
const ENTRIES_MAX = 5_000
const PAGES_MAX = 50
const POLICY_SECONDS = 30
const CALLBACKS_MAX = 20_000
const LEASELESS_SECONDS = 30
const TENDED_SECONDS = 5

/**
 * All that handlers need. Each names the part it uses.
 * What lives as long as the isolate are values and clients: never a promise, never a request.
 */
export type Deps = {
  issuer: string
  environment: 'test' | 'live'
  metricsToken: string
  /** Origins of the web pages that may call; see `pages`. */
  pageOrigins: readonly string[]
  clock: Clock
  callers: Callers
  ledger: Ledger
  upkeep: LedgerUpkeep
  /** Where payments are promised from leases; none: every payment is settled at once. */
  regions: readonly Region[]
  /** Settles promises that are shown here, whether or not this edge is told of a region. */
  settling: Settling
  /** Wallets the ledger gave no lease, and why, for 30 seconds. */
  leaseless: LRUCache<WalletId, string>
  /** What this isolate has seen to within 5 seconds, so that not every payment does it again. */
  tended: LRUCache<string, true>
  outbox: Outbox
  wakes: Wakes
  callbacks: Callbacks
  postWebhook: WebhookPost
  proofs: Proofs
  answers: Answers
  quotes: Quotes
  /** Payments this isolate saw settle: without a doubt not, or maybe. */
  seen: SeenPayments
  /** Policies the ledger refused by, for 30 seconds, by who asked for what. */
  policies: LRUCache<string, PolicySnapshot>
  /** Quotes, for 60 seconds. */
  recentQuotes: LRUCache<EndpointId, ToldQuote>
  /** Pages of listed endpoints, for 60 seconds, by limit and offset. */
  listings: LRUCache<string, Listing>
  /** Callbacks this isolate has let in, for as long as their signatures last. */
  seenCallbacks: LRUCache<string, true>
  meter: Meter
  /** Lets work, if there is any, finish after the answer. Nothing money depends on may be left to it. */
  later: (c: Context<PayosEnv>, work: Promise<unknown> | undefined) => void
}

/** Builds the adapters; the one place that knows which provider stands behind which port. */
export function createDeps(config: Config): Deps {
  const environment = config.ENVIRONMENT
  const clock: Clock = { nowSeconds: () => Math.floor(Date.now() / 1000) }
  const database = { url: config.SUPABASE_URL, apiKey: config.SUPABASE_PUBLISHABLE_KEY }
  const redis = redisStores(
    { url: config.UPSTASH_REDIS_REST_URL, token: config.UPSTASH_REDIS_REST_TOKEN, environment },
    clock,
  )
  const drain = { ...database, token: config.DRAIN_DATABASE_TOKEN }
  const origin = config.ISSUER
  return {
    issuer: config.ISSUER,
    environment,
    metricsToken: config.METRICS_TOKEN,
    pageOrigins: config.PAGE_ORIGINS,
    clock,
    callers: new Callers({
      environment,
      clock,
      unknownKeys: config.UNKNOWN_KEYS,
      perKey: config.PER_KEY,
    }),
    ledger: postgrestLedger({ ...database, token: config.EDGE_DATABASE_TOKEN }),
    upkeep: postgrestUpkeep(drain),
    regions: regionsOf(config, drain, clock),
    settling: postgrestSettling(drain),
    leaseless: memoryOf({ max: ENTRIES_MAX, seconds: LEASELESS_SECONDS, clock }),
    tended: memoryOf({ max: ENTRIES_MAX, seconds: TENDED_SECONDS, clock }),
    outbox: postgrestOutbox(drain),
    wakes: qstashWakes({ url: config.QSTASH_URL, token: config.QSTASH_TOKEN, origin }),
    callbacks: qstashCallbacks(
      {
        origin,
        signingKeys: [config.QSTASH_CURRENT_SIGNING_KEY, config.QSTASH_NEXT_SIGNING_KEY],
      },
      clock,
    ),
    postWebhook: webhookPost(clock),
    proofs: joseProofs({ issuer: config.ISSUER, environment, keys: config.PROOF_KEYS }, clock),
    answers: redis.answers,
    quotes: redis.quotes,
    seen: new SeenPayments(),
    policies: memoryOf({ max: ENTRIES_MAX, seconds: POLICY_SECONDS, clock }),
    recentQuotes: memoryOf({ max: ENTRIES_MAX, seconds: QUOTE_SECONDS, clock }),
    listings: memoryOf({ max: PAGES_MAX, seconds: QUOTE_SECONDS, clock }),
    seenCallbacks: memoryOf({ max: CALLBACKS_MAX, seconds: CALLBACK_SECONDS, clock }),
    meter: new Meter(redis.counters, clock),
    later: (c, work) => work && c.executionCtx.waitUntil(work.catch(() => undefined)),
  }
}

/** Each region's leases in its own Redis, beside the quotes they promise by. */
const regionsOf = (config: Config, drain: LedgerAddress, clock: Clock): Region[] =>
  config.LEASE_REGIONS.map(({ region, url, token, continents }) => {
    const address = { url, token, environment: config.ENVIRONMENT }
    return {
      name: region,
      continents,
      leases: redisLeases({ ...address, region }, clock),
      escrow: postgrestEscrow({ ...drain, region }),
      quotes: redisStores(address, clock).quotes,
    }
  })
