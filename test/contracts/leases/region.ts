import type { RedisStandIn } from '../../../local/stand-ins/redis/index.ts'
import { redisStores } from '../../../shared/adapters/redis.ts'
import { redisLeases } from '../../../shared/adapters/redis-leases.ts'
import {
  AgentId,
  EndpointId,
  LeaseId,
  ProviderId,
  RequestId,
  WalletId,
} from '../../../shared/domain/ids.ts'
import type { Lease } from '../../../shared/domain/lease.ts'
import { Amount } from '../../../shared/domain/money.ts'
import type { Order } from '../../../shared/domain/payment.ts'
import { paymentIdOf } from '../../../shared/domain/payment-id.ts'
import type { Quote } from '../../../shared/domain/quote.ts'
import type { LeaseStore, Reserved } from '../../../shared/ports/leases.ts'
import type { Trips } from '../../../shared/ports.ts'

export const NOW = 1_795_176_000

const uuid = (number: number) => `70000000-0000-4000-8000-${String(number).padStart(12, '0')}`
export const WALLET = WalletId.parse('70000000-0000-4000-8000-0000000000ef')
/** The shard of that wallet: its last byte, of 64. */
export const SHARD = 0x2f
const ENDPOINT = EndpointId.parse(uuid(2))
const PROVIDER = ProviderId.parse(uuid(3))
export const KEY_HASH = 'ab'.repeat(32)
export const SIGNER = 's'.repeat(43)

export const amount = (digits: string) => Amount.decode(digits)
export const leaseId = (number: number) => LeaseId.parse(uuid(100 + number))

const trips: Trips = { wait: (_, trip) => trip() }

export type Asked = {
  requestId?: string
  amount?: string
  currency?: 'USDC' | 'EURC'
  method?: string
  href?: string
  keyHash?: string
  thumbprint?: string
  endpointId?: EndpointId
  at?: number
}

/** One region's leases, over a Redis of the test's own, with the verbs of the protocol. */
export class LeaseRegion {
  readonly redis: RedisStandIn
  readonly store: LeaseStore
  readonly #quotes

  constructor(redis: RedisStandIn, region = 'eu') {
    this.redis = redis
    const address = { url: redis.url, token: redis.token, environment: 'test' }
    const clock = { nowSeconds: () => NOW }
    this.store = redisLeases({ ...address, region }, clock)
    this.#quotes = redisStores(address, clock).quotes
  }

  lease(terms: Partial<Lease> = {}): Lease {
    return {
      id: leaseId(1),
      walletId: WALLET,
      agentId: AgentId.parse(uuid(4)),
      region: 'eu',
      epoch: 1,
      limit: amount('100'),
      currency: 'USDC',
      policyVersion: 1,
      paymentMax: amount('60'),
      providers: undefined,
      keyHashes: [KEY_HASH],
      thumbprints: undefined,
      daySeconds: 40_000,
      ...terms,
    }
  }

  /** Prepares and installs a lease, with the endpoint quoted; whether it was installed. */
  async lend(terms: Partial<Lease> = {}, quoted: Partial<Quote> = {}): Promise<boolean> {
    await this.quote(quoted)
    const right = await this.prepare()
    return this.store.install(this.lease(terms), right)
  }

  /** The install right of the next lease, whoever is making one now. */
  async prepare(nonce = 'n'): Promise<string> {
    await this.redis.command('DEL', `payos:test:eu:making:${WALLET}`)
    const right = await this.store.prepare(WALLET, nonce)
    if (right === undefined) throw new Error('another lease is being made')
    return right
  }

  quote(quoted: Partial<Quote> = {}, toldAt = NOW): Promise<void> {
    const quote: Quote = {
      endpointId: ENDPOINT,
      providerId: PROVIDER,
      method: 'GET',
      url: 'https://api.example/weather',
      currency: 'USDC',
      amount: amount('10'),
      priceVersion: 3,
      active: true,
      next: undefined,
      ...quoted,
    }
    return this.#quotes.keep({ quote, toldAt })
  }

  async order(asked: Asked = {}): Promise<Order> {
    const content = {
      walletId: WALLET,
      requestId: RequestId.parse(asked.requestId ?? 'r'),
      endpointId: asked.endpointId ?? ENDPOINT,
      amount: amount(asked.amount ?? '10'),
      currency: asked.currency ?? 'USDC',
      method: asked.method ?? 'GET',
      resource: asked.href,
      capture: 'automatic' as const,
    }
    const caller = { keyId: 'k', keyHash: asked.keyHash ?? KEY_HASH, thumbprint: asked.thumbprint }
    const id = await paymentIdOf(content)
    return { id, content, href: asked.href, settlement: 'async', caller }
  }

  async reserve(asked: Asked = {}): Promise<Reserved> {
    return this.store.reserve(await this.order(asked), asked.at ?? NOW, trips)
  }

  find = async (asked: Asked = {}) => this.store.find((await this.order(asked)).id, trips)

  findRequest = (requestId: string) =>
    this.store.findRequest({ walletId: WALLET, requestId: RequestId.parse(requestId) }, trips)

  /** Lets a key expire now, on every Redis. */
  expire = (kind: string, id: string) =>
    this.redis.command('PEXPIREAT', `payos:test:eu:${kind}:${id}`, '1')
}
