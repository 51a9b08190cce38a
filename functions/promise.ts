import type { EndpointId, WalletId } from '../shared/domain/ids.ts'
import {
  isRunningLow,
  LEASE_SECONDS,
  type LeaseLeft,
  type Reservation,
  shardOf,
  wantedLimit,
} from '../shared/domain/lease.ts'
import type { Amount } from '../shared/domain/money.ts'
import type { Order } from '../shared/domain/payment.ts'
import type { Deps } from './deps.ts'
import { drainShard } from './drain.ts'
import type { PayosContext } from './http.ts'
import { nearestRegion, type Region } from './regions.ts'

export type PromiseDeps = Pick<
  Deps,
  'clock' | 'later' | 'leaseless' | 'ledger' | 'meter' | 'regions' | 'tended' | 'wakes'
>

/** What came of asking the lease: a promise; a conflict; or that the ledger must decide. */
export type AskedLease =
  | { kind: 'promised'; reservation: Reservation; replayed: boolean }
  | { kind: 'conflict' }
  | AskLedger

/**
 * `mayBePromised`: nobody knows whether a promise was made, so a decline is no answer. `makeReady`: what
 * the next such payment lacks, to be made once the ledger has taken this one: whoever may not pay from
 * a wallet has no part of it lent either.
 */
export type AskLedger = {
  kind: 'ask_ledger'
  mayBePromised: boolean
  makeReady?: () => Promise<void>
}

const askLedger: AskLedger = { kind: 'ask_ledger', mayBePromised: false }

/**
 * Promises a payment from the wallet's lease, in one trip to Redis and none to the ledger.
 *
 * Whatever the lease cannot answer is for the ledger, within the same request. What keeps leases
 * running, quotes fresh and streams drained is done after the answer, and may be lost: it is work
 * that the clock does as well.
 */
export async function askLease(
  c: PayosContext,
  deps: PromiseDeps,
  order: Order,
): Promise<AskedLease> {
  const region = nearestRegion(c, deps.regions)
  const wants = order.settlement === 'async' && !deps.leaseless.has(order.content.walletId)
  if (!region || !wants) return askLedger

  const said = await region.leases.reserve(order, deps.clock.nowSeconds(), c.var.trips)
  deps.meter.cache('lease', said.kind === 'reserved' || said.kind === 'repeated')
  switch (said.kind) {
    case 'conflict':
      return said
    case 'unknown':
      return { kind: 'ask_ledger', mayBePromised: true }
    case 'declined':
      deps.meter.refused('promise', said.reason)
      return {
        kind: 'ask_ledger',
        mayBePromised: said.reason === 'record_lost',
        makeReady: () => makeReady(deps, region, { order, reason: said.reason }),
      }
    case 'repeated':
      // A proof that is over is no answer; the ledger has the settlement, or will have it.
      if (deps.clock.nowSeconds() >= said.reservation.expiresAt) {
        return { kind: 'ask_ledger', mayBePromised: true }
      }
      return { kind: 'promised', reservation: said.reservation, replayed: true }
    case 'reserved':
      deps.later(c, tend(deps, region, { order, ...said }))
      return { kind: 'promised', reservation: said.reservation, replayed: false }
  }
}

/** What the next payment of this wallet or endpoint lacked this time. */
async function makeReady(
  deps: PromiseDeps,
  region: Region,
  { order, reason }: { order: Order; reason: string },
): Promise<void> {
  const { walletId, endpointId, amount } = order.content
  const need = { walletId, needed: amount }
  if (reason === 'no_lease') await renewLease(deps, region, need)
  if (reason === 'exhausted') await renewWhenLow(deps, region, need)
  await freshenQuote(deps, region, endpointId)
}

/** What a promise leaves to do: wake its shard, renew the lease before it runs dry, keep the quote. */
async function tend(
  deps: PromiseDeps,
  region: Region,
  { order, left, waitsMs }: { order: Order; left: LeaseLeft; waitsMs: number },
): Promise<void> {
  const { walletId, endpointId, amount } = order.content
  const plenty = left.remaining > amount * 10n
  await Promise.all([
    wake(deps, region, { shard: shardOf(walletId), waitsMs }),
    freshenQuote(deps, region, endpointId),
    plenty && isTended(deps, `lease ${region.name} ${walletId}`)
      ? undefined
      : renewWhenLow(deps, region, { walletId, needed: amount }),
  ])
}

/** Whether this isolate has seen to something lately; from now on it has. */
function isTended({ tended }: PromiseDeps, what: string): boolean {
  if (tended.has(what)) return true
  tended.set(what, true)
  return false
}

/** What waits longer was not drained by whoever was woken, in milliseconds. */
const OVERDUE_MS = 5_000

/**
 * Has the shard drained when this second is over; drains it here when nobody can be woken, or when
 * those who were did not.
 */
async function wake(
  deps: PromiseDeps,
  region: Region,
  { shard, waitsMs }: { shard: number; waitsMs: number },
): Promise<void> {
  const second = deps.clock.nowSeconds()
  if (isTended(deps, `shard ${region.name} ${shard} ${second}`)) return
  const isWoken = await deps.wakes.wakeShard({ region: region.name, shard, second })
  const isLeft = waitsMs > OVERDUE_MS && !isTended(deps, `stream ${region.name} ${shard}`)
  if (!isWoken || isLeft) await drainShard(region, shard)
}

type Need = { walletId: WalletId; needed: Amount }

/** Renews a lease that is low, or used up, by what its wallet spent of it in its time. */
async function renewWhenLow(deps: PromiseDeps, region: Region, need: Need): Promise<void> {
  const current = await region.leases.remaining(need.walletId)
  const lasts = current && current.remaining >= need.needed
  if (lasts && !isRunningLow(current.limit, current)) return
  const livedMs = LEASE_SECONDS * 1000 - (current?.lifeMs ?? 0)
  const spent = current ? current.limit - current.remaining : 0n
  const perMinute = (spent * 60_000n) / BigInt(Math.max(livedMs, 1_000))
  await renewLease(deps, region, { ...need, spentPerMinute: perMinute as Amount })
}

/** Makes a new lease the current one: take the right to, have it granted, install it. */
async function renewLease(
  deps: PromiseDeps,
  { leases, escrow }: Region,
  { walletId, needed, spentPerMinute = 0n as Amount }: Need & { spentPerMinute?: Amount },
): Promise<void> {
  const name = await leases.prepare(walletId, crypto.randomUUID())
  if (!name) return
  const wanted = wantedLimit(spentPerMinute, needed)
  const granted = await escrow.grant({ walletId, name, wanted, needed })
  if ('lease' in granted) {
    await leases.install(granted.lease, name)
    return
  }
  deps.leaseless.set(walletId, granted.refused)
  deps.meter.refused('lease', granted.refused)
}

/** Tells the region the quote again, before it is too old to promise by. */
async function freshenQuote(deps: PromiseDeps, region: Region, id: EndpointId): Promise<void> {
  if (isTended(deps, `quote ${region.name} ${id}`)) return
  const toldAt = deps.clock.nowSeconds()
  const told = await deps.ledger.quote(id, untimed)
  if (told.ok && told.value) await region.quotes.keep({ quote: told.value, toldAt })
}

/** Trips after the answer; nobody waits for them. */
const untimed = { wait: <Value>(_: string, trip: () => Promise<Value>) => trip() }
