import { AsyncLocalStorage } from 'node:async_hooks'
import { cryptoOf } from './crypto.ts'
import { PlainResponse } from './http.ts'
import { Random } from './random.ts'
import type { Timeline } from './timeline.ts'

/** Something that runs in an isolate and ends with it: a request and all it started. */
export type Task = {
  isolate: Isolate
  random: Random
  dead: boolean
  begunAt: number
  /** What happened in it, for who judges its answer. */
  notes: Set<string>
  name: string
}

/** `skewMs`: how far its clock is off. */
export type Isolate = { skewMs: number; dead: boolean }

export type Fetch = (task: Task, request: { url: string; init: RequestInit }) => Promise<Response>

const tasks = new AsyncLocalStorage<Task>()

const patience = new WeakMap<AbortSignal, { controller: AbortController; until: number }>()
const tooLate = new DOMException('too late', 'TimeoutError')

/** Ends a wait when the patience of its caller does, unless it ended before. */
export function watch(
  signal: AbortSignal | null | undefined,
  timeline: Timeline,
  isOver: () => boolean,
) {
  const bound = signal && patience.get(signal)
  if (!bound) return
  timeline.after(bound.until - timeline.now, () => {
    if (!isOver()) bound.controller.abort(tooLate)
  })
}

/** Runs `work` as a part of a task: what it awaits, it awaits as this task. */
export const within = <Value>(task: Task, work: () => Value): Value => tasks.run(task, work)

type Given = { timeline: Timeline; seed: bigint; fetch: Fetch }

/**
 * Puts a world of its own in the place of clock, timers, random, crypto and network; answers how to
 * put the real ones back. Cryptography is real but answers at once: a thread pool has no order.
 */
export function takeOver({ timeline, seed, fetch }: Given): () => void {
  const real = { Date, setTimeout, clearTimeout, fetch: globalThis.fetch, crypto, Response }
  const realTimeout = AbortSignal.timeout
  const realPerformance = performance.now
  const now = () => timeline.now + (tasks.getStore()?.isolate.skewMs ?? 0)
  const random = Random.of(seed, 'crypto')

  class SimulatedDate extends real.Date {
    constructor(...parts: unknown[]) {
      super(...((parts.length === 0 ? [now()] : parts) as [number]))
    }
    static override now = now
  }
  const timeout = (run: () => void, ms = 0) => {
    const task = tasks.getStore()
    timeline.after(ms, () => (task?.dead || task?.isolate.dead ? undefined : run()))
    return 0
  }
  const replace = (name: string, value: unknown) =>
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true })

  replace('Date', SimulatedDate)
  replace('setTimeout', timeout)
  replace('clearTimeout', () => undefined)
  replace('crypto', cryptoOf(random))
  replace('Response', PlainResponse)
  replace('fetch', (input: string | URL | Request, init: RequestInit = {}) => {
    const task = tasks.getStore()
    if (!task) throw new Error('a fetch outside of every task')
    return fetch(task, { url: String(input), init })
  })
  performance.now = () => timeline.now
  AbortSignal.timeout = (ms) => {
    const controller = new AbortController()
    patience.set(controller.signal, { controller, until: timeline.now + ms })
    return controller.signal
  }
  return () => {
    for (const [name, value] of Object.entries(real)) replace(name, value)
    performance.now = realPerformance
    AbortSignal.timeout = realTimeout
  }
}
