import * as z from 'zod'
import { LeaseId, type WalletId } from '../domain/ids.ts'
import { LEASE_SECONDS, type Lease, SHARDS, shardOf } from '../domain/lease.ts'
import { Amount } from '../domain/money.ts'
import { type Order, REDEMPTION_SECONDS } from '../domain/payment.ts'
import { PROOF_SECONDS } from '../domain/proof-terms.ts'
import type {
  Found,
  LeaseStore,
  ReserveDecline,
  Reserved,
  StreamRecord,
  Waiting,
} from '../ports/leases.ts'
import type { Clock, Trips } from '../ports.ts'
import { readReservation } from '../protocol/lease-record.ts'
import { INSTALL } from './lua/install.ts'
import { PREPARE } from './lua/prepare.ts'
import { QUARANTINE } from './lua/quarantine.ts'
import { READ } from './lua/read.ts'
import { RESERVE } from './lua/reserve.ts'
import { SURVEY } from './lua/survey.ts'
import { connect, type RedisAddress } from './redis-call.ts'
import { breaker } from './redis-patience.ts'

/** Past this a reservation counts as unknown, and the ledger is asked with the same payment id. */
const RESERVE_TIMEOUT_MS = 250

/** What nobody waits for may take this long. */
const TIMEOUT_MS = 2_000

/** One lease at a time is made for a wallet; a maker that died is not waited for. */
const MAKING_MS = 3_000

const lifeMs = LEASE_SECONDS * 1000

export type LeaseAddress = RedisAddress & { region: string }

/** The leases of a region in its Upstash Redis. See docs/storage.md for the keys. */
export function redisLeases(address: LeaseAddress, clock: Clock): LeaseStore {
  const patient = connect(address, TIMEOUT_MS)
  const key = (kind: string, id: string | number) =>
    `payos:${address.environment}:${address.region}:${kind}:${id}`
  const stream = (shard: number) => key('stream', shard)
  const lease = (walletId: WalletId) => key('lease', walletId)
  const right = (walletId: WalletId) => key('right', walletId)

  return {
    region: address.region,
    ...promises(address, key, clock),

    async prepare(walletId, nonce) {
      const keys = [key('making', walletId), right(walletId)]
      const name = await patient.run(PREPARE, keys, [nonce, lifeMs, MAKING_MS])
      return z.string().nullable().parse(name) ?? undefined
    },

    async install(granted, name) {
      const keys = [
        right(granted.walletId),
        key('epoch', granted.walletId),
        lease(granted.walletId),
      ]
      const day = granted.daySeconds * 1000
      const words = [name, lifeMs, granted.epoch, day, granted.id, ...termsOf(granted)]
      return (await patient.run(INSTALL, keys, words)) === 'installed'
    },

    async remaining(walletId) {
      const found = await patient.callAll([
        ['hmget', lease(walletId), 'id', 'limit', 'remaining'],
        ['pttl', lease(walletId)],
      ])
      const read = Left.safeParse(found)
      if (!read.success) return undefined
      const [[id, limit, remaining], left] = read.data
      return { id, limit, remaining, lifeMs: left }
    },

    async revoke(walletId) {
      await patient.call('del', lease(walletId), right(walletId))
    },

    async read(shard, most) {
      const [waiting, entries] = Entries.parse(await patient.run(READ, [stream(shard)], [most]))
      return { waiting, records: entries.map(recordOf) }
    },

    async survey() {
      const shards = Array.from({ length: SHARDS }, (_, shard) => stream(shard))
      return Surveyed.parse(await patient.run(SURVEY, shards, []))
    },

    async acknowledge(shard, entries) {
      if (entries.length > 0) await patient.call('xdel', stream(shard), ...entries)
    },

    async quarantine(shard, { entry, reason }) {
      const keys = [stream(shard), key('quarantine', 'all')]
      return (await patient.run(QUARANTINE, keys, [entry, reason])) === 1
    },
  }
}

type Key = (kind: string, id: string | number) => string

/** What a request waits for: it is bounded, and Redis is left alone while it fails. */
function promises(
  address: LeaseAddress,
  key: Key,
  clock: Clock,
): Pick<LeaseStore, 'reserve' | 'find' | 'findRequest'> {
  const redis = connect(address, RESERVE_TIMEOUT_MS)
  const guarded = breaker(clock)
  // Redis says null for what it has not; nothing is said by one that failed or was not asked.
  const get = (trips: Trips, name: string) =>
    guarded(() => trips.wait('redis', () => redis.call('get', name)))
  const find = async (id: string, trips: Trips): Promise<Found> => {
    const record = await get(trips, key('payment', id))
    if (record === null) return { kind: 'absent' }
    const reservation = typeof record === 'string' ? readReservation(record) : undefined
    return reservation ? { kind: 'found', reservation } : { kind: 'unanswered' }
  }

  return {
    find,

    async findRequest({ walletId, requestId }, trips) {
      const known = await get(trips, key('request', `${walletId}:${requestId}`))
      if (known === null) return { kind: 'absent' }
      if (typeof known !== 'string') return { kind: 'unanswered' }
      const found = await find(known.slice(0, 36), trips)
      // It was promised, whatever became of the record.
      return found.kind === 'absent' ? { kind: 'unanswered' } : found
    },

    async reserve(order, nowSeconds, trips) {
      const keys = keysOf(order, key, address.environment)
      const words = wordsOf(order, nowSeconds)
      let sent = false
      const said = await guarded(() => {
        sent = true
        return trips.wait('redis', () => redis.run(RESERVE, keys, words))
      })
      return sent ? reservedOf(said) : { kind: 'declined', reason: 'unavailable' }
    },
  }
}

/** The quote is the one all caches share, so a change of the endpoint deletes it here as well. */
function keysOf({ id, content }: Order, key: Key, environment: string): string[] {
  const { walletId, requestId, endpointId } = content
  return [
    key('lease', walletId),
    key('request', `${walletId}:${requestId}`),
    key('payment', id),
    key('stream', shardOf(walletId)),
    `payos:${environment}:quote:${endpointId}`,
  ]
}

const wordsOf = ({ id, content, href, caller }: Order, nowSeconds: number) => [
  id,
  content.walletId,
  content.requestId,
  content.endpointId,
  Amount.encode(content.amount),
  content.currency,
  content.method.toUpperCase(),
  href ?? '',
  caller.keyHash,
  caller.thumbprint ?? '',
  nowSeconds,
  PROOF_SECONDS,
  REDEMPTION_SECONDS * 1000,
]

const Said = z.lazy(() =>
  z.union([
    z.tuple([z.literal('reserved'), z.string(), Amount, z.int(), z.int()]),
    z.tuple([z.literal('repeated'), z.string()]),
    z.tuple([z.literal('conflict')]),
    z.tuple([z.literal('declined'), z.custom<ReserveDecline>()]),
  ]),
)

/** What the script said; anything else may hide a reservation. */
function reservedOf(said: unknown): Reserved {
  const read = Said.safeParse(said)
  if (!read.success) return { kind: 'unknown' }
  const [kind, text, remaining, left, waitsMs] = read.data
  if (kind === 'conflict') return { kind }
  if (kind === 'declined') return { kind, reason: text }

  const reservation = readReservation(text)
  if (!reservation) return { kind: 'unknown' }
  return kind === 'repeated'
    ? { kind, reservation }
    : { kind, reservation, left: { remaining, lifeMs: left }, waitsMs }
}

/** Lists are joined by commas; '*' is everyone, or nobody who must sign. */
function termsOf(lease: Lease): (string | number)[] {
  const list = (items: readonly string[] | undefined) => items?.join(',') ?? '*'
  return Object.entries({
    limit: Amount.encode(lease.limit),
    remaining: Amount.encode(lease.limit),
    agent: lease.agentId,
    currency: lease.currency,
    policy_version: lease.policyVersion,
    payment_max: Amount.encode(lease.paymentMax),
    providers: list(lease.providers),
    key_hashes: list(lease.keyHashes),
    thumbprints: list(lease.thumbprints),
  }).flat()
}

const Left = z.lazy(() => z.tuple([z.tuple([LeaseId, Amount, Amount]), z.int().positive()]))

const Entries = z.lazy(() =>
  z.tuple([z.int(), z.array(z.tuple([z.string(), z.array(z.string())]))]),
)

/** Redis names a record by when it came, in milliseconds, and a number. */
const Surveyed = z.lazy(() =>
  z.array(
    z.tuple([z.int(), z.string()]).transform(([count, oldest]): Waiting => {
      const since = oldest === '' ? undefined : Math.floor(Number.parseInt(oldest, 10) / 1000)
      return { count, since }
    }),
  ),
)

function recordOf([entry, fields]: [string, string[]]): StreamRecord {
  const [name, text] = fields
  const reservation = name === 'record' && text ? readReservation(text) : undefined
  return { entry, reservation }
}
