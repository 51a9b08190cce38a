import type { Reply } from '../../local/stand-ins/redis/reply.ts'
import { conservation, type State } from '../model/ledger.ts'
import type { Lease } from '../model/state.ts'
import type { Told } from './database.ts'
import type { Task } from './platform.ts'
import { changesNothing, type Said } from './said.ts'
import type { Timeline } from './timeline.ts'

/** How long a request may take, the slowest dependency included. */
const BUDGET_MS = 20_000
const LEASE_MS = 60_000
/** What the clocks of ledger and world differ by, and a little. */
const SKEW_MS = 6_000

/** When a lease was first seen to have ended, and what it had paid when it was reclaimed. */
type Noted = { revokedAt?: number; settledAtReclaim?: bigint }

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

/**
 * Sees all that happens and says, by the name of the invariant, what must not have.
 *
 * It judges from outside: by scripts' replies, by the ledger's state and by what agents and
 * providers were answered; it asks the edge nothing.
 */
export class Witness {
  readonly violations: string[] = []
  /** What was come by, and how often. */
  readonly reached = new Map<string, number>()
  readonly reserved = new Map<string, Reserved[]>()
  /** Promises whose record Redis lost before it was drained. */
  readonly lost = new Set<string>()
  /** Moments at which the history of a region's Redis went back or in two. */
  readonly forks: { region: string; at: number }[] = []
  /** Since when a region's Redis has forgotten nothing. */
  readonly #remembersSince = new Map<string, number>()
  readonly #timeline: Timeline
  #ledger: State | undefined
  readonly #settled = new Map<string, string>()
  readonly #settledAt = new Map<string, number>()
  readonly #ended = new Map<string, Noted>()
  readonly #running = new Map<Task, number>()

  constructor(timeline: Timeline) {
    this.#timeline = timeline
  }

  blame(invariant: string, what: string): void {
    if (this.violations.length < 20) this.violations.push(`${invariant}: ${what}`)
  }

  meet(what: string): void {
    this.reached.set(what, (this.reached.get(what) ?? 0) + 1)
  }

  /** The violation that says an invariant does not hold of what `holds` tells. */
  hold(invariant: string, holds: boolean, what: () => string): void {
    if (!holds) this.blame(invariant, what())
  }

  /** A region's Redis has lost or may have lost something. */
  forgot(region: string, until = this.#timeline.now): void {
    this.#remembersSince.set(region, until)
  }

  /** Whether a payment had been settled at a moment. */
  wasSettled(id: string, at: number): boolean {
    return (this.#settledAt.get(id) ?? Number.POSITIVE_INFINITY) < at
  }

  forksOf(lease: { region: string; grantedAt: number }): number {
    const end = lease.grantedAt + LEASE_MS + SKEW_MS
    return this.forks.filter(
      ({ region, at }) => region === lease.region && at >= lease.grantedAt - SKEW_MS && at <= end,
    ).length
  }

  begun = (task: Task): void => {
    task.begunAt = this.#timeline.now
    this.#running.set(task, this.#timeline.now)
  }

  ended = (task: Task): void => {
    const ms = this.#timeline.now - (this.#running.get(task) ?? 0)
    this.#running.delete(task)
    const budget = task.name === 'each minute' ? 5 * BUDGET_MS : BUDGET_MS
    this.hold('V3', ms <= budget, () => `${task.name} took ${ms} ms`)
  }

  /** Requests that should have been answered by now, and were not. */
  judgeRunning(): void {
    for (const [task, since] of this.#running) {
      const over = this.#timeline.now - since > 5 * BUDGET_MS
      if (over && !task.dead && !task.isolate.dead) this.blame('V3', `${task.name} never ended`)
    }
  }

  /** What a script of the leases said. */
  scriptSaid(
    region: string,
    script: string,
    { reply, task }: { reply: Reply; task: Task | undefined },
  ): void {
    if (script.includes('reason') && reply === 1) this.meet('a record set aside')
    if (script.includes("'old_epoch'") && reply !== 'installed') {
      this.meet(`install refused: ${String(reply)}`)
    }
    if (!script.includes('proof_life') || !Array.isArray(reply)) return
    const [kind, record] = reply.map(String)
    if (kind === 'conflict') this.meet('a conflict in Redis')
    if (kind === 'declined') this.meet(`reserve declined: ${record}`)
    if (kind === 'repeated') {
      this.meet('a promise repeated')
      task?.notes.add('repeated')
    }
    if (kind === 'reserved' && record) this.#reservation(region, record)
  }

  #reservation(region: string, record: string): void {
    const lines = record.split('\n')
    const [, paymentId = '', , , requestId = ''] = lines
    const made: Reserved = {
      ...{ paymentId, requestId, leaseId: lines[12] ?? '', seq: Number(lines[14]), region },
      ...{ expiresAt: Number(lines[16]), amount: BigInt(lines[7] ?? 0), at: this.#timeline.now },
    }
    this.meet('a promise')
    const before = this.reserved.get(paymentId) ?? []
    if (before.length > 0) this.meet('a promise made anew')
    const since = this.#remembersSince.get(region) ?? 0
    const known = before.some((it) => it.region === region && it.at > since)
    this.hold('O3', !known, () => `${paymentId} was promised twice`)
    this.reserved.set(paymentId, [...before, made])
    const lease = this.#ledger?.leases.get(made.leaseId)
    if (!lease) {
      this.blame('F1', `${paymentId} was promised from no lease`)
      return
    }
    const over = (moment: number | undefined) =>
      moment !== undefined && made.at > moment + LEASE_MS + SKEW_MS
    this.hold(
      'P4',
      !over(this.#ended.get(made.leaseId)?.revokedAt),
      () => `${made.leaseId} lives on`,
    )
    this.hold('P4', !over(lease.grantedAt), () => `${made.leaseId} outlives its minute`)
    this.hold('P1', made.amount <= lease.policy.paymentMax, () => `${paymentId} was promised`)
    this.#boundOf(made.leaseId, lease)
  }

  /** What was promised from a lease: its limit, once for each history there was. */
  #boundOf(leaseId: string, lease: { region: string; grantedAt: number; limit: bigint }): void {
    const promises = [...this.reserved.values()].flat().filter((it) => it.leaseId === leaseId)
    const sum = promises.reduce((total, { amount }) => total + amount, 0n)
    const histories = BigInt(1 + this.forksOf(lease))
    this.hold(
      'F1',
      sum <= lease.limit * histories,
      () => `${leaseId} promised ${sum} of ${lease.limit}`,
    )
  }

  /** After each call of the ledger: what it said, and how it is now. */
  ledgerSaid(ledger: State, { name, said }: Told): void {
    this.#ledger = ledger
    if (name.startsWith('get_') || name === 'note_x402_drained') return
    const answer = (said ?? {}) as Said
    this.#hear(name, answer)
    if (changesNothing(name, answer)) return
    for (const fault of conservation(ledger)) this.blame(fault.slice(0, 2), fault)
    this.#judgePayments(ledger)
    this.#judgeLeases(ledger)
  }

  #hear(name: string, answer: Said): void {
    if (answer.replayed) this.meet('the ledger replayed a payment')
    if (name === 'grant_x402_lease')
      this.meet(`a lease ${answer.outcome} ${answer.reason ?? ''}`.trim())
    if (answer.stalled) this.meet('a reclaim that waits for its shard')
    for (const { outcome, code } of answer.outcomes ?? []) {
      const where = name === 'settle_x402_overdrawn' ? 'overdrawn' : 'batch'
      this.meet(`${where}: ${outcome}${code ? ` ${code}` : ''}`)
    }
  }

  #judgePayments(ledger: State): void {
    this.hold('O4', ledger.payments.size >= this.#settled.size, () => 'a payment disappeared')
    for (const [id, payment] of ledger.payments) {
      const { walletId, requestId, providerId, amount, state, lease } = payment
      const known = this.#settled.get(id)
      if (known === undefined) {
        this.#settledAt.set(id, this.#timeline.now)
        this.#settled.set(id, `${walletId} ${requestId} ${providerId} ${amount} ${state}`)
        if (!lease) continue
        const { paymentMax, providers } = payment.allowedBy
        this.hold('P1', amount <= paymentMax, () => `${id} is above the maximum`)
        this.hold('P3', !providers || providers.includes(providerId), () => `${id}: not allowed`)
        this.hold('F1', this.reserved.has(id), () => `${id} was never promised`)
        if (lease.overdrawn) this.meet('the wallet paid beyond a lease')
      } else if (known !== `${walletId} ${requestId} ${providerId} ${amount} ${state}`) {
        this.blame('O4', `${id} changed`)
      }
    }
  }

  #judgeLeases(ledger: State): void {
    for (const [id, lease] of ledger.leases) {
      const noted = this.#ended.get(id) ?? {}
      this.#ended.set(id, noted)
      if (lease.state !== 'open' && noted.revokedAt === undefined) {
        noted.revokedAt = ledger.now
        if (lease.forked) this.meet('a fork')
      }
      if (lease.state === 'reclaimed') this.#judgeReclaimed(id, lease, noted)
    }
  }

  #judgeReclaimed(id: string, { settled, returned }: Lease, noted: Noted): void {
    if (noted.settledAtReclaim === undefined) {
      noted.settledAtReclaim = settled
      this.meet(returned === 0n ? 'a reclaim of nothing' : 'a reclaim of what was left')
    }
    const before = noted.settledAtReclaim
    this.hold('F5', settled === before, () => `${id} paid after it was reclaimed`)
  }
}
