import type { Reply } from '../../local/stand-ins/redis/reply.ts'
import { conservation, type State } from '../model/ledger.ts'
import type { Told } from './database.ts'
import { DrainWatch } from './drain-watch.ts'
import { LEASE_MS, LeaseWatch, MEMORY_MS } from './lease-watch.ts'
import { PaymentWatch } from './payment-watch.ts'
import type { Task } from './platform.ts'
import { type Reserved, readRecord } from './reserved.ts'
import type { Said } from './said.ts'
import { TermsWatch } from './terms-watch.ts'
import type { Timeline } from './timeline.ts'

/** How long a request may take, the slowest dependency included. */
const BUDGET_MS = 20_000

/** How far the ledger's clock is ahead of the world's, and any two edges are apart. */
export type Clocks = { ledger: number; edges: number }

/** A script that was run: its words, from EVAL on, and who asked for it. */
type Ran = { words: readonly string[]; reply: Reply; task: Task | undefined }

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
  readonly forks: { region: string; at: number; by: 'roll back' | 'split' }[] = []
  /** Since when a region's Redis has forgotten nothing. */
  readonly #remembersSince = new Map<string, number>()
  /** Since when it has lost no record of a payment. */
  readonly #findsSince = new Map<string, number>()
  readonly clocks: Clocks
  readonly #timeline: Timeline
  #ledger: State | undefined
  readonly #payments = new PaymentWatch(this)
  readonly #leases = new LeaseWatch(this)
  readonly #terms = new TermsWatch(this)
  readonly drains = new DrainWatch(this)
  readonly #running = new Map<Task, number>()

  constructor(timeline: Timeline, clocks: Clocks) {
    this.#timeline = timeline
    this.clocks = clocks
  }

  get now(): number {
    return this.#timeline.now
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
    this.lostRecords(region, until)
  }

  /** It has lost records of payments, and still knows their requests. */
  lostRecords(region: string, until = this.#timeline.now): void {
    this.#findsSince.set(region, until)
  }

  /** Whether a payment had been promised at a moment, and its region can still say so. */
  isFound(id: string, at: number): boolean {
    const isFindable = (it: Reserved) =>
      it.at < at && it.at > (this.#findsSince.get(it.region) ?? 0) && at - it.at < MEMORY_MS
    return this.reserved.get(id)?.some(isFindable) === true
  }

  /** Whether a payment had been settled at a moment. */
  wasSettled(id: string, at: number): boolean {
    return this.#payments.wasSettled(id, at)
  }

  forksOf(lease: { region: string; grantedAt: number }): number {
    return this.forksIn(lease).length
  }

  /** Forks that happened in the life of a lease. */
  forksIn(lease: { region: string; grantedAt: number }) {
    const from = lease.grantedAt - this.clocks.ledger - BRIEFLY_MS
    const end = from + LEASE_MS + 2 * BRIEFLY_MS
    return this.forks.filter(({ region, at }) => region === lease.region && at >= from && at <= end)
  }

  begun = (task: Task): void => {
    task.begunAt = this.#timeline.now
    this.#running.set(task, this.#timeline.now)
  }

  ended = (task: Task): void => {
    const ms = this.#timeline.now - (this.#running.get(task) ?? 0)
    this.#running.delete(task)
    this.drains.ended(task)
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
  scriptSaid(region: string, { words, reply, task }: Ran): void {
    const script = words[1] ?? ''
    if (task) this.drains.said(task, words, reply)
    if (script.includes('reason') && reply === 1) this.meet('a record set aside')
    if (script.includes("'old_epoch'") && reply !== 'installed') {
      this.meet(`install refused: ${String(reply)}`)
    }
    if (!script.includes('proof_life') || !Array.isArray(reply)) return
    const [kind, text = ''] = reply.map(String)
    if (kind === 'conflict') this.meet('a conflict in Redis')
    if (kind === 'declined') this.#declined(text, task)
    if (kind === 'repeated') this.#repeated(words, text, task)
    if (kind === 'reserved') this.#reservation(region, text)
  }

  /** Where a promise was made and forgotten, whoever asks again hears no decline. */
  #declined(reason: string, task: Task | undefined): void {
    this.meet(`reserve declined: ${reason}`)
    if (reason === 'record_lost') task?.notes.add('repeated')
  }

  /** A promise is told again to who made it, and to nobody else. */
  #repeated(words: readonly string[], record: string, task: Task | undefined): void {
    this.meet('a promise repeated')
    task?.notes.add('repeated')
    const { paymentId, keyHash, thumbprint } = readRecord(record, { region: '', at: this.now })
    const isTheirs = keyHash === words[CALLER] && thumbprint === words[CALLER + 1]
    this.hold('F4', isTheirs, () => `${paymentId} was repeated to a stranger`)
  }

  #reservation(region: string, record: string): void {
    const made = readRecord(record, { region, at: this.now })
    const { paymentId } = made
    this.meet('a promise')
    const before = this.reserved.get(paymentId) ?? []
    if (before.length > 0) this.meet('a promise made anew')
    const since = this.#remembersSince.get(region) ?? 0
    const isRemembered = (it: Reserved) => it.at > since && made.at - it.at < MEMORY_MS
    const known = before.some((it) => it.region === region && isRemembered(it))
    this.hold('O3', !known, () => `${paymentId} was promised twice`)
    this.reserved.set(paymentId, [...before, made])
    const lease = this.#ledger?.leases.get(made.leaseId)
    if (!this.#ledger || !lease) {
      this.blame('F1', `${paymentId} was promised from no lease`)
      return
    }
    this.#terms.judge(this.#ledger, made)
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
    this.#payments.hear(ledger, told)
    this.judgeBooks(ledger)
    for (const payment of this.#payments.judge(ledger)) this.#leases.paid(ledger, payment)
    this.#leases.judge(ledger, told)
    this.#terms.note(ledger)
  }

  /** Every invariant of the ledger's own state: M1 to M6, O2, P1 to P3. */
  judgeBooks(ledger: State): void {
    for (const fault of conservation(ledger)) this.blame(fault.slice(0, 2), fault)
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
}

/** Where the hash of the caller's key stands among the words of a reservation. */
const CALLER = 16
const BRIEFLY_MS = 2_000
