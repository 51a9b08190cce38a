import { createHash } from 'node:crypto'
import {
  type Day,
  dayOf,
  integer,
  type Lease,
  monthOf,
  type Policy,
  Raised,
  type State,
  seconds,
  UNKNOWN_PARTY,
  type Wallet,
} from './state.ts'

const LEASE_LIFE = seconds(60)
const UNTIL_RECLAIM = seconds(210)
const COLLATERAL = 2n
export const EVERYONE = '00000000-0000-0000-0000-000000000000'

/** A UUIDv8 of a few lines, as the ledger makes its ids. */
export function hashId(lines: readonly string[]): string {
  const hash = createHash('sha256').update(lines.join('\n')).digest()
  hash.writeUInt8((hash.readUInt8(6) & 0x0f) | 0x80, 6)
  hash.writeUInt8((hash.readUInt8(8) & 0x3f) | 0x80, 8)
  const digits = hash.toString('hex', 0, 16)
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

export const shardOf = (walletId: string): number => Number.parseInt(walletId.slice(-2), 16) % 64

/** What is still in escrow. */
export const heldIn = (lease: Lease): bigint => lease.escrow - lease.settled - lease.returned

const leasesOf = (ledger: State, walletId: string): [string, Lease][] =>
  [...ledger.leases].filter(([, lease]) => lease.walletId === walletId)

const heldLeases = (ledger: State, walletId: string) =>
  leasesOf(ledger, walletId).filter(([, { state }]) => state !== 'reclaimed')

/** Takes the right to issue from every open lease of a wallet; answers which. */
export function endLeases(ledger: State, walletId: string) {
  const open = leasesOf(ledger, walletId).filter(([, { state }]) => state === 'open')
  for (const [, lease] of open) lease.state = 'revoked'
  return open
    .map(([id, { region, epoch }]) => ({ lease_id: id, wallet_id: walletId, region, epoch }))
    .sort((one, other) => (one.lease_id < other.lease_id ? -1 : 1))
}

export function endLeasesOfAgent(ledger: State, agentId: string): void {
  for (const [id, wallet] of ledger.wallets) if (wallet.agentId === agentId) endLeases(ledger, id)
}

function terms(ledger: State, id: string, lease: Lease) {
  const agentId = ledger.wallets.get(lease.walletId)?.agentId ?? ''
  const signers = ledger.signers.get(agentId)
  const keys = [...ledger.agentKeys].filter(
    ([, key]) =>
      key.holderId === agentId &&
      key.revokedAt === null &&
      (key.expiresAt === null || key.expiresAt > ledger.now + LEASE_LIFE),
  )
  const midnight = Date.parse(lease.policyDay) + seconds(86_400)
  const valid = [...(signers ?? [])].flatMap(([name, revoked]) => (revoked ? [] : [name]))
  return {
    lease_id: id,
    wallet_id: lease.walletId,
    agent_id: agentId,
    region: lease.region,
    epoch: lease.epoch,
    nonce: lease.nonce,
    limit: String(lease.limit),
    currency: lease.currency,
    policy_version: lease.policy.version,
    payment_max: String(lease.policy.paymentMax),
    providers: lease.policy.providers,
    key_hashes: keys.sort(([one], [other]) => (one < other ? -1 : 1)).map(([, { hash }]) => hash),
    thumbprints: signers ? valid.sort() : null,
    day_seconds: Math.floor((midnight - ledger.now) / 1000),
  }
}

/** Why a wallet gets no lease, whatever it holds. */
function judgeBorrower(ledger: State, id: string, policy: Policy | undefined): string | null {
  const wallet = ledger.wallets.get(id)
  if (!wallet) return 'not_found'
  if (wallet.status !== 'active') return 'wallet_frozen'
  if (ledger.agents.get(wallet.agentId)?.status !== 'active') return 'agent_suspended'
  if (!policy) return 'no_policy'
  if (policy.settlement === 'sync') return 'no_right'
  return ledger.leaseStops.has(id) || ledger.leaseStops.has(EVERYONE) ? 'stopped' : null
}

const least = (...values: bigint[]): bigint =>
  values.reduce((one, other) => (other < one ? other : one))

export const spentIn = (wallet: Wallet, today: Day) => ({
  day: wallet.day === today ? wallet.daySpent : 0n,
  month: wallet.month === monthOf(today) ? wallet.monthSpent : 0n,
})

/** Takes an amount out of the balance, into the counters of a day and its month. */
export function countSpending(wallet: Wallet, today: Day, amount: bigint): void {
  const spent = spentIn(wallet, today)
  wallet.balance -= amount
  wallet.day = today
  wallet.daySpent = spent.day + amount
  wallet.month = monthOf(today)
  wallet.monthSpent = spent.month + amount
}

/** The policy day it is for a wallet: its day never goes back. */
export const todayOf = (ledger: State, wallet: Wallet): Day =>
  dayOf(ledger.now) > wallet.day ? dayOf(ledger.now) : wallet.day

export function grantLease(
  ledger: State,
  args: { wallet_id: string; region: string; nonce: string; wanted: string; needed: string },
) {
  const { wallet_id: walletId, region, nonce } = args
  const id = hashId(['lease', walletId, region, nonce])
  const known = ledger.leases.get(id)
  if (known?.state === 'open') return { outcome: 'granted', lease: terms(ledger, id, known) }
  if (known) return { outcome: 'refused', reason: 'lease_ended' }
  const policy = ledger.policies.get(walletId)
  const reason = judgeBorrower(ledger, walletId, policy)
  const wallet = ledger.wallets.get(walletId)
  if (reason || !wallet || !policy) return { outcome: 'refused', reason }

  const policyDay = todayOf(ledger, wallet)
  const held = heldLeases(ledger, walletId).reduce((sum, [, lease]) => sum + heldIn(lease), 0n)
  const spent = spentIn(wallet, policyDay)
  const room = least(
    (wallet.balance + held) / 5n - held,
    policy.dayMax / 10n - held,
    wallet.balance,
    policy.dayMax - spent.day,
    policy.monthMax - spent.month,
  )
  const limit = least(integer(args.wanted), room / COLLATERAL)
  const needed = integer(args.needed)
  if (limit < (needed > 1n ? needed : 1n)) return { outcome: 'refused', reason: 'no_room' }

  const before = leasesOf(ledger, walletId).filter(([, lease]) => lease.region === region)
  for (const [, lease] of before) if (lease.state === 'open') lease.state = 'revoked'
  const lease: Lease = {
    ...{ walletId, region, nonce, policy, policyDay, limit, currency: wallet.currency },
    epoch: Math.max(0, ...before.map(([, { epoch }]) => epoch)) + 1,
    shard: shardOf(walletId),
    escrow: limit * COLLATERAL,
    grantedAt: ledger.now,
    reclaimAfter: ledger.now + UNTIL_RECLAIM,
    ...{ state: 'open', settled: 0n, returned: 0n, overdraft: 0n, forked: false },
    reclaimedAt: null,
  }
  ledger.leases.set(id, lease)
  countSpending(wallet, policyDay, lease.escrow)
  return { outcome: 'granted', lease: terms(ledger, id, lease) }
}

/** In how many seconds enough escrow is back; null when that is not what is missing. */
export function secondsToRelief(
  ledger: State,
  asked: { walletId: string; wallet: Wallet; policy: Policy; amount: bigint; today: Day },
): number | null {
  const { walletId, wallet, policy, amount, today } = asked
  const spent = spentIn(wallet, today)
  const room = {
    funds: wallet.balance,
    day: policy.dayMax - spent.day,
    month: policy.monthMax - spent.month,
  }
  const inTime = heldLeases(ledger, walletId).sort(
    ([one, a], [other, b]) => a.reclaimAfter - b.reclaimAfter || (one < other ? -1 : 1),
  )
  for (const [, lease] of inTime) {
    room.funds += heldIn(lease)
    if (lease.policyDay === today) room.day += heldIn(lease)
    if (monthOf(lease.policyDay) === monthOf(today)) room.month += heldIn(lease)
    if (least(room.funds, room.day, room.month) >= amount) {
      return Math.max(1, Math.ceil((lease.reclaimAfter - ledger.now) / 1000))
    }
  }
  return null
}

export function putSettlement(
  ledger: State,
  { wallet_id, settlement }: { wallet_id: string; settlement: string },
): null {
  const policy = ledger.policies.get(wallet_id)
  if (!policy) throw new Raised(UNKNOWN_PARTY)
  if (policy.settlement === settlement) return null
  const version = policy.version + 1
  ledger.policies.set(wallet_id, { ...policy, settlement, version, changedAt: ledger.now })
  endLeases(ledger, wallet_id)
  return null
}

export const revokeLeases = (ledger: State, args: { wallet_id: string }) =>
  endLeases(ledger, args.wallet_id)

export function stopLeases(ledger: State, args: { wallet_id: string; reason: string }): null {
  ledger.leaseStops.add(args.wallet_id)
  return null
}

export const resumeLeases = (ledger: State, args: { wallet_id: string }): boolean =>
  ledger.leaseStops.delete(args.wallet_id)
