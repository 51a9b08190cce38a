import { heldIn } from '../model/leases.ts'
import type { Lease, Payment, State } from '../model/state.ts'
import type { Told } from './database.ts'
import type { Reserved } from './reserved.ts'
import type { Witness } from './witness.ts'

export const LEASE_MS = 60_000
/** What a call of the ledger may take, and a second that was cut off. */
const BRIEFLY_MS = 2_000
/** How long Redis remembers a request, and what it came to. */
export const MEMORY_MS = 900_000
const DAY_MS = 86_400_000

/** When a lease was first seen to have ended, and what it had paid when it was reclaimed. */
type Noted = { revokedAt?: number; settledAtReclaim?: bigint; isForked?: boolean }

/** Judges leases from their grant to their end, and what is promised from them. */
export class LeaseWatch {
  readonly #witness: Witness
  readonly #noted = new Map<string, Noted>()
  /** Wallets that get no lease until an operator lets them. */
  readonly #stopped = new Set<string>()
  /** What was promised from each lease, and under each request id. */
  readonly #sums = new Map<string, bigint>()
  readonly #requests = new Map<string, Reserved>()
  /** The numbers of promises that were paid from each lease, and leases that paid one twice. */
  readonly #numbers = new Map<string, Set<number>>()
  readonly #twice = new Set<string>()
  /** When each number of a lease was promised first, and what made one be promised twice. */
  readonly #promised = new Map<string, number>()
  readonly #causes = new Map<string, string>()

  constructor(witness: Witness) {
    this.#witness = witness
  }

  /** After a call of the ledger. */
  judge(ledger: State, { name, args }: Told): void {
    const wallet = String(args['wallet_id'])
    if (name === 'stop_x402_leases') this.#stopped.add(wallet)
    if (name === 'resume_x402_leases') this.#stopped.delete(wallet)
    for (const [id, lease] of ledger.leases) {
      if (!this.#noted.has(id)) this.#judgeGrant(ledger, id, lease)
      const noted = this.#noted.get(id) ?? {}
      this.#noted.set(id, noted)
      this.#judgeOpen(ledger, id, lease)
      this.#judgeEnd(id, lease, noted)
    }
  }

  /** An open lease is of a wallet that may pay, by its policy of now, and never promised too much. */
  #judgeOpen(ledger: State, id: string, lease: Lease): void {
    const { walletId, policy, settled, limit, forked } = lease
    const hold = (invariant: string, holds: boolean, what: string) =>
      this.#witness.hold(invariant, holds, () => `${id} ${what}`)
    const isFork = settled > limit || this.#twice.has(id)
    hold('F1', !isFork || forked, 'promised too much, and nobody noticed')
    if (lease.state !== 'open') return
    const wallet = ledger.wallets.get(walletId)
    const agent = ledger.agents.get(wallet?.agentId ?? '')
    hold('F1', !forked, 'is open, though it is forked')
    const mayPay = wallet?.status === 'active' && agent?.status === 'active'
    hold('P4', mayPay, 'is open, though its wallet may not pay')
    const isCurrent = ledger.policies.get(walletId)?.version === policy.version
    hold('P4', isCurrent, 'is open under a policy that was changed')
  }

  #judgeEnd(id: string, lease: Lease, noted: Noted): void {
    if (lease.state !== 'open' && noted.revokedAt === undefined) {
      noted.revokedAt = this.#witness.now
    }
    if (lease.forked && !noted.isForked) {
      noted.isForked = true
      this.#witness.meet('a fork')
      const cause = this.#causes.get(id)
      if (cause) this.#witness.meet(`a fork, by a ${cause}`)
    }
    if (lease.state === 'reclaimed') this.#judgeReclaimed(id, lease, noted)
  }

  /** A payment that was just made from a lease, or beyond it. */
  paid(ledger: State, { walletId, lease }: Payment): void {
    if (!lease) return
    if (lease.overdrawn) {
      this.#overdrawn(ledger, walletId)
      return
    }
    const numbers = this.#numbers.get(lease.id) ?? new Set()
    if (numbers.has(lease.seq)) this.#twice.add(lease.id)
    this.#numbers.set(lease.id, numbers.add(lease.seq))
  }

  /** The wallet pays, within its caps, and gets no other lease until people looked. */
  #overdrawn(ledger: State, walletId: string): void {
    this.#witness.meet('the wallet paid beyond a lease')
    this.#stopped.add(walletId)
    const isWithin = this.#isWithinCaps(ledger, walletId)
    this.#witness.hold('P2', isWithin, () => `${walletId} paid beyond a lease and its caps`)
  }

  #isWithinCaps(ledger: State, walletId: string): boolean {
    const wallet = ledger.wallets.get(walletId)
    const policy = ledger.policies.get(walletId)
    if (!wallet || !policy) return false
    return wallet.daySpent <= policy.dayMax && wallet.monthSpent <= policy.monthMax
  }

  /** A lease is for who may have one, within the caps, and never holds more than its share. */
  #judgeGrant(ledger: State, id: string, { walletId }: Lease): void {
    const wallet = ledger.wallets.get(walletId)
    const policy = ledger.policies.get(walletId)
    if (!wallet || !policy) return
    const hold = (invariant: string, holds: boolean, what: string) =>
      this.#witness.hold(invariant, holds, () => `${id} was granted ${what}`)
    hold('P4', wallet.status === 'active' && !this.#stopped.has(walletId), 'to a stopped wallet')
    hold('P4', policy.settlement === 'async', 'to a wallet that pays at once')
    hold('P2', this.#isWithinCaps(ledger, walletId), 'beyond the caps')
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
    const skew = this.#witness.clocks.ledger
    const isOver = (moment = Number.POSITIVE_INFINITY) => at > moment + LEASE_MS + BRIEFLY_MS
    hold('P4', !isOver(this.#noted.get(leaseId)?.revokedAt), () => `${leaseId} lives on`)
    hold('P4', !isOver(lease.grantedAt - skew), () => `${leaseId} outlives its minute`)
    const midnight = Date.parse(lease.policyDay) + DAY_MS
    hold('P2', at + skew <= midnight + BRIEFLY_MS, () => `${leaseId} outlives its policy day`)
    hold('P1', amount <= lease.policy.paymentMax, () => `${paymentId} was promised`)
    const sum = (this.#sums.get(leaseId) ?? 0n) + amount
    this.#sums.set(leaseId, sum)
    const bound = lease.limit * BigInt(1 + forks)
    hold('F1', sum <= bound, () => `${leaseId} promised ${sum} of ${lease.limit}`)
    this.#noteNumber(made, lease)
  }

  /** One number of a lease, promised twice: its Redis went back in between, or is split. */
  #noteNumber({ leaseId, seq, at }: Reserved, lease: Lease): void {
    const name = `${leaseId} ${seq}`
    const before = this.#promised.get(name)
    if (before === undefined) {
      this.#promised.set(name, at)
      return
    }
    const between = this.#witness.forksIn(lease).filter((it) => it.at >= before && it.at <= at)
    const isBack = between.some(({ by }) => by === 'roll back')
    this.#causes.set(leaseId, isBack ? 'roll back' : 'split')
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
