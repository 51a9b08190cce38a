import type { Reply } from '../../local/stand-ins/redis/reply.ts'
import { conservation, type State } from '../model/ledger.ts'
import type { Told } from './database.ts'
import { LEASE_MS, LeaseWatch, type Reserved, SKEW_MS } from './lease-watch.ts'
import type { Task } from './platform.ts'
import { changesNothing, type Said } from './said.ts'
import type { Timeline } from './timeline.ts'

/** How long a request may take, the slowest dependency included. */
const BUDGET_MS = 20_000
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
  readonly #leases = new LeaseWatch(this)
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
    this.#leases.judgePromise(made, lease, this.forksOf(lease))
    this.#leases.judgeRequest(made, since)
  }

  /** After each call of the ledger: what it said, and how it is now. */
  ledgerSaid(ledger: State, told: Told): void {
    const { name, said } = told
    this.#ledger = ledger
    if (name.startsWith('get_') || name === 'note_x402_drained') return
    const answer = (said ?? {}) as Said
    this.#hear(name, answer)
    if (changesNothing(name, answer)) return
    for (const fault of conservation(ledger)) this.blame(fault.slice(0, 2), fault)
    this.#judgePayments(ledger)
    this.#leases.judge(ledger, told)
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
        if (lease.overdrawn) this.#leases.overdrawn(walletId)
      } else if (known !== `${walletId} ${requestId} ${providerId} ${amount} ${state}`) {
        this.blame('O4', `${id} changed`)
      }
    }
  }
}
