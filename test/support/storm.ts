import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import type { Agent, Endpoint, World } from './world.ts'

/** A payment as its agent knows it: what it asked, and the proof it was answered. */
export type Paid = {
  paymentId: string
  requestId: string
  walletId: string
  proof: string
  /** Promised from a lease, hence settled later. */
  isPromised: boolean
  at: number
}

/** How old a proof is before its provider presents it, if it is not settled by then. */
const PRESENT_AFTER_MS = 15_000

const async = { settlement: 'async' }

/** Agents that pay, repeat what was not answered and remember every answer; and who presents proofs. */
export class Storm {
  readonly #world: World
  readonly #endpoints: readonly Endpoint[]
  readonly paid = new Map<string, Paid>()
  /** Answers by status and code. */
  readonly outcomes = new Map<string, number>()
  /** Requests that were sent, answered or not. */
  readonly sent = new Set<string>()
  readonly presented = new Set<string>()
  /** What `/verify` said of presented proofs that was not "valid". */
  readonly refused: string[] = []

  constructor(world: World, endpoints: readonly Endpoint[]) {
    this.#world = world
    this.#endpoints = endpoints
  }

  /** Pays one request after another at one edge until it is told to stop. */
  async pay(agent: Agent, edge: number, { signal }: AbortController): Promise<void> {
    for (let turn = 0; !signal.aborted; turn++) {
      const endpoint = this.#endpoints[(turn + edge) % this.#endpoints.length]
      if (endpoint) await this.#payOnce({ agent, endpoint, edge, signal })
    }
  }

  /** Presents what is not settled in time, a hundred at once, until it is told to stop. */
  async present({ signal }: AbortController): Promise<void> {
    while (!signal.aborted) {
      await pause(1_000)
      await this.presentOnce(Date.now() - PRESENT_AFTER_MS).catch(() => undefined)
    }
  }

  /** Presents every promise made before a moment that the ledger does not have; how many. */
  async presentOnce(madeBefore: number): Promise<number> {
    const due = [...this.paid.values()].filter(
      ({ isPromised, at, paymentId }) =>
        isPromised && at <= madeBefore && !this.presented.has(paymentId),
    )
    const missing = await this.#unsettled(due)
    for (let from = 0; from < missing.length; from += 100) {
      await this.#presentAll(missing.slice(from, from + 100))
    }
    return missing.length
  }

  async #presentAll(some: readonly Paid[]): Promise<void> {
    const key = this.#endpoints[0]?.provider.apiKey
    const answer = await this.#world.verify({ proofs: some.map(({ proof }) => proof) }, { key })
    if (answer.status !== 200) throw new Error(`verify: ${answer.status} ${answer.text}`)
    const results: { valid: boolean; reason?: string }[] = answer.body.results
    for (const [at, { paymentId }] of some.entries()) {
      this.presented.add(paymentId)
      if (!results[at]?.valid) this.refused.push(`${paymentId} ${results[at]?.reason}`)
    }
  }

  async #unsettled(some: readonly Paid[]): Promise<Paid[]> {
    const { sql } = this.#world.database
    const ids = some.map(({ paymentId }) => paymentId)
    const rows = await sql<{ id: string }[]>`
      select id from ledger.payments where id = any(${ids}::uuid[])`
    const settled = new Set(rows.map(({ id }) => id))
    return some.filter(({ paymentId }) => !settled.has(paymentId))
  }

  /** One request, repeated as it is until it has an answer or the storm is over. */
  async #payOnce(turn: { agent: Agent; endpoint: Endpoint; edge: number; signal: AbortSignal }) {
    const { agent, endpoint, edge, signal } = turn
    const requestId = randomUUID()
    this.sent.add(requestId)
    while (!signal.aborted) {
      const answer = await this.#world.pay(agent, endpoint, { requestId, edge, body: async })
      this.#count(`${answer.status} ${answer.body.code ?? answer.body.status}`)
      if (answer.status === 200) {
        const { paymentId, proof, status } = answer.body
        const isPromised = status === 'held'
        const { walletId } = agent
        this.paid.set(requestId, {
          ...{ paymentId, requestId, walletId, proof },
          ...{ isPromised, at: Date.now() },
        })
        return
      }
      await pause(100)
    }
  }

  #count(outcome: string): void {
    this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1)
  }
}
