import { heldIn } from '../model/leases.ts'
import type { Lease, State } from '../model/state.ts'
import type { Told } from './database.ts'
import type { Witness } from './witness.ts'

export const LEASE_MS = 60_000
/** What the clocks of ledger and world differ by, and a little. */
export const SKEW_MS = 6_000
const MEMORY_MS = 900_000
const DAY_MS = 86_400_000

export type Reserved = {
  paymentId: string
  requestId: string
  leaseId: string
  seq: number
  expiresAt: number
  amount: bigint
  region: string
  at: number
}

/** When a lease was first seen to have ended, and what it had paid when it was reclaimed. */
type Noted = { revokedAt?: number; settledAtReclaim?: bigint }

/** Judges leases from their grant to their end, and what is promised from them. */
export class LeaseWatch {
  readonly #witness: Witness
  readonly #noted = new Map<string, Noted>()
  /** Wallets that get no lease until an operator lets them. */
  readonly #stopped = new Set<string>()
  /** What was promised from each lease, and under each request id. */
  readonly #sums = new Map<string, bigint>()
  readonly #requests = new Map<string, Reserved>()

  constructor(witness: Witness) {
    this.#witness = witness
  }

  /** After a call of the ledger that changed something. */
  judge(ledger: State, { name, args }: Told): void {
    const wallet = String(args['wallet_id'])
    if (name === 'stop_x402_leases') this.#stopped.add(wallet)
    if (name === 'resume_x402_leases') this.#stopped.delete(wallet)
    for (const [id, lease] of ledger.leases) {
      if (!this.#noted.has(id)) this.#judgeGrant(ledger, id, lease)
      const noted = this.#noted.get(id) ?? {}
      this.#noted.set(id, noted)
      this.#judgeEnd(id, lease, { noted, now: ledger.now })
    }
  }

  #judgeEnd(id: string, lease: Lease, { noted, now }: { noted: Noted; now: number }): void {
    if (lease.state !== 'open' && noted.revokedAt === undefined) {
      noted.revokedAt = now
      if (lease.forked) this.#witness.meet('a fork')
    }
    if (lease.state === 'reclaimed') this.#judgeReclaimed(id, lease, noted)
  }

  /** The wallet pays for what was promised beyond its lease; it gets no other until people looked. */
  overdrawn(walletId: string): void {
    this.#witness.meet('the wallet paid beyond a lease')
    this.#stopped.add(walletId)
  }

  /** A lease is for who may have one, within the caps, and never holds more than its share. */
  #judgeGrant(ledger: State, id: string, { walletId }: Lease): void {
    const wallet = ledger.wallets.get(walletId)
    const policy = ledger.policies.get(walletId)
    if (!wallet || !policy) return
    const hold = (invariant: string, holds: boolean, what: string) =>
      this.#witness.hold(invariant, holds, () => `${id} was granted ${what}`)
    hold('P4', wallet.status === 'active' && !this.#stopped.has(walletId), 'to a stopped wallet')
    const isWithin = wallet.daySpent <= policy.dayMax && wallet.monthSpent <= policy.monthMax
    hold('P2', isWithin, 'beyond the caps')
    const all = [...ledger.leases.values()].filter((it) => it.walletId === walletId)
    const held = all.reduce((sum, it) => sum + heldIn(it), 0n)
    const isShare = 5n * held <= wallet.balance + held && 10n * held <= policy.dayMax
    hold('P2', isShare, 'beyond the share of a wallet that leases may hold')
  }

  #judgeReclaimed(id: string, { settled, returned }: Lease, noted: Noted): void {
    const witness = this.#witness
    if (noted.settledAtReclaim === undefined) {
      noted.settledAtReclaim = settled
      witness.meet(returned === 0n ? 'a reclaim of nothing' : 'a reclaim of what was left')
    }
    const before = noted.settledAtReclaim
    witness.hold('F5', settled === before, () => `${id} paid after it was reclaimed`)
  }

  /** A promise: from a lease that lives, within what it allows, and the only one of its request. */
  judgePromise(made: Reserved, lease: Lease, forks: number): void {
    const { paymentId, leaseId, at, amount } = made
    const hold = (invariant: string, holds: boolean, what: () => string) =>
      this.#witness.hold(invariant, holds, what)
    const isOver = (moment = Number.POSITIVE_INFINITY) => at > moment + LEASE_MS + SKEW_MS
    hold('P4', !isOver(this.#noted.get(leaseId)?.revokedAt), () => `${leaseId} lives on`)
    hold('P4', !isOver(lease.grantedAt), () => `${leaseId} outlives its minute`)
    const midnight = Date.parse(lease.policyDay) + DAY_MS
    hold('P2', at <= midnight + SKEW_MS, () => `${leaseId} outlives its policy day`)
    hold('P1', amount <= lease.policy.paymentMax, () => `${paymentId} was promised`)
    const sum = (this.#sums.get(leaseId) ?? 0n) + amount
    this.#sums.set(leaseId, sum)
    const bound = lease.limit * BigInt(1 + forks)
    hold('F1', sum <= bound, () => `${leaseId} promised ${sum} of ${lease.limit}`)
  }

  /** Whether a request id is promised for one content only, for as long as its Redis remembers. */
  judgeRequest(made: Reserved, remembersSince: number): void {
    const { requestId, region, paymentId, at } = made
    const name = `${region} ${requestId}`
    const before = this.#requests.get(name)
    this.#requests.set(name, made)
    if (!before || before.at <= remembersSince || at > before.at + MEMORY_MS) return
    this.#witness.hold('O2', before.paymentId === paymentId, () => `${requestId} has two contents`)
  }
}
