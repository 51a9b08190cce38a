import { answer, type Call, emptyLedger, type State } from '../model/ledger.ts'
import type { Step } from '../support/ledger-replay.ts'
import type { Task } from './platform.ts'
import type { Timeline } from './timeline.ts'

export type Told = { name: string; args: Record<string, unknown>; said: unknown }

/** Answers a call; where a guard is taken out of the ledger, not as the model would. */
export type Ask = (ledger: State, call: Call, model: typeof answer) => unknown

type Options = {
  timeline: Timeline
  skewMs: number
  ask: Ask
  heard: (told: Told) => void
  met: (what: string) => void
  /** A batch that came, whatever becomes of it. */
  batch: (task: Task, records: string) => void
}

/** What the functions of other jobs answer here: there is nothing to do. */
const QUIET: Record<string, unknown> = {
  take_x402_events: [],
  audit_x402: {
    violations: [],
    counters: { unfunded_proofs: 0, overdue_seconds: 0, open_forks: 0, new_stops: 0 },
  },
}

/** The reference model in the place of the database, behind PostgREST's way of calling it. */
export class SimulatedDatabase {
  readonly ledger: State
  /** All that was asked, to be asked again of a real database; and what the model said. */
  readonly steps: Step[] = []
  readonly answers: unknown[] = []
  readonly #options: Options

  constructor(options: Options) {
    this.#options = options
    this.ledger = emptyLedger(options.timeline.now)
  }

  /** The time by its own clock. */
  get nowMs(): number {
    return this.#options.timeline.now + this.#options.skewMs
  }

  call(name: string, given: Record<string, unknown>): unknown {
    const { ask, heard } = this.#options
    if (name in QUIET) return QUIET[name]
    const args = argumentsOf(name, given)
    const call = { name, args } as Call
    this.ledger.now = this.nowMs
    const said = ask(this.ledger, call, answer)
    this.steps.push({ ...call, at: this.ledger.now })
    this.answers.push(said)
    heard({ name, args, said })
    return said
  }

  answer(task: Task, url: string, init: RequestInit): { status: number; body: string } {
    const name = url.slice(url.lastIndexOf('/') + 1)
    if (name === 'settle_x402_batch') this.#options.batch(task, String(init.body))
    if (String(init.body).includes('"poison-')) {
      const { records } = JSON.parse(String(init.body)) as { records: unknown[] }
      if (records.length > 1) this.#options.met('a bisect')
      return raises('XX000')
    }
    const said = this.call(name, JSON.parse(String(init.body)))
    const raised = (said as { raised?: string } | null)?.raised
    if (raised === undefined) return { status: 200, body: JSON.stringify(said) }
    return raises(raised)
  }
}

const raises = (code: string) => ({ status: 400, body: JSON.stringify({ code, message: code }) })

function argumentsOf(name: string, given: Record<string, unknown>): Record<string, unknown> {
  if ('records' in given) return { records: JSON.stringify(given['records']) }
  if (name === 'reclaim_x402_leases') return { most: 100, ...given }
  if (name === 'roll_up_x402_credits') return { most: 10_000, ...given }
  return given
}
