import type { Message } from './message.ts'
import type { Flow } from './plan.ts'
import { Refusal } from './refusal.ts'
import type { Store, Table } from './store.ts'

type Queue = {
  name: string
  parallelism: number
  paused: boolean
  createdAt: number
  updatedAt: number
}

type FlowState = Flow & { paused: boolean; periodStart: number; count: number }

const NEVER = Number.POSITIVE_INFINITY

/** Who may be delivered when: queues in order, flow control keys within their rate and parallelism. */
export class Limits {
  readonly queues: Table<Queue>
  readonly flows: Table<FlowState>

  constructor(store: Store) {
    this.queues = store.table('queues')
    this.flows = store.table('flows')
  }

  upsertQueue(name: string, change: { parallelism?: number; paused?: boolean; now: number }): void {
    if (!/^[A-Za-z0-9._-]+$/.test(name)) throw new Refusal(400, `invalid queue name: ${name}`)
    const { now, ...settings } = change
    const queue = this.queues.get(name)
    const base = queue ?? { name, parallelism: 1, paused: false, createdAt: now }
    this.queues.set(name, { ...base, ...settings, updatedAt: now })
  }

  /** Takes the limits of a newly published message as those of its key. */
  configure(flow: Flow): void {
    const state = this.#flow(flow.key)
    this.flows.set(flow.key, { ...state, ...flow })
  }

  pauseFlow(key: string, paused: boolean): void {
    this.flows.set(key, { ...this.#flow(key), paused })
  }

  /** Counts one attempt against the rate of its key. */
  count(flow: Flow, now: number): void {
    const state = this.#flow(flow.key)
    const over = now >= state.periodStart + state.periodMs
    this.flows.set(flow.key, {
      ...state,
      periodStart: over ? now : state.periodStart,
      count: over ? 1 : state.count + 1,
    })
  }

  /** For each waiting message, in order of acceptance, the moment it may be attempted. */
  turns(messages: Message[], active: ReadonlySet<string>): [Message, number][] {
    const places = new Places(this.queues, messages)
    const running = activeByFlow(messages, active)
    const turns: [Message, number][] = []
    for (const message of messages) {
      const hasPlace = places.take(message)
      if (active.has(message.id)) continue
      turns.push([message, hasPlace ? this.#flowTurn(message, running) : NEVER])
    }
    return turns
  }

  #flowTurn({ plan, dueAt }: Message, running: Map<string, number>): number {
    const state = plan.flow && this.flows.get(plan.flow.key)
    if (!state) return dueAt
    if (state.paused || (running.get(state.key) ?? 0) >= (state.parallelism ?? NEVER)) return NEVER
    if (state.count < (state.rate ?? NEVER)) return dueAt
    return Math.max(dueAt, state.periodStart + state.periodMs)
  }

  #flow(key: string): FlowState {
    const unlimited = { parallelism: undefined, rate: undefined, periodMs: 1000 }
    return this.flows.get(key) ?? { key, ...unlimited, paused: false, periodStart: 0, count: 0 }
  }
}

/** The places in queues, given in order of acceptance. */
class Places {
  readonly #queues: Table<Queue>
  readonly #taken = new Map<string, number>()

  constructor(queues: Table<Queue>, messages: Message[]) {
    this.#queues = queues
    const sources = new Set<string>()
    for (const { source } of messages) {
      if (!source?.queueName || sources.has(source.messageId)) continue
      sources.add(source.messageId)
      // While the source itself still waits for a retry it has its own place already.
      if (!messages.some(({ id }) => id === source.messageId)) this.#add(source.queueName)
    }
  }

  take({ queueName }: Message): boolean {
    if (queueName === undefined) return true
    const queue = this.#queues.get(queueName)
    const before = this.#add(queueName)
    return queue !== undefined && !queue.paused && before < queue.parallelism
  }

  #add(name: string): number {
    const before = this.#taken.get(name) ?? 0
    this.#taken.set(name, before + 1)
    return before
  }
}

function activeByFlow(messages: Message[], active: ReadonlySet<string>): Map<string, number> {
  const running = new Map<string, number>()
  for (const { id, plan } of messages) {
    if (!plan.flow || !active.has(id)) continue
    running.set(plan.flow.key, (running.get(plan.flow.key) ?? 0) + 1)
  }
  return running
}
