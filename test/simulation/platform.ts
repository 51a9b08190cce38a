import { AsyncLocalStorage } from 'node:async_hooks'
import * as node from 'node:crypto'
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
  const real = { Date, setTimeout, clearTimeout, fetch: globalThis.fetch, crypto }
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

/** As much of Web Crypto as the edge uses, by synchronous calls. */
function cryptoOf(random: Random) {
  const keyOf = (key: CryptoKey) => node.KeyObject.from(key as node.webcrypto.CryptoKey)
  const bytes = (data: Uint8Array) => new Uint8Array(data).buffer
  const isMac = (key: CryptoKey) => key.algorithm.name === 'HMAC'
  const mac = (key: CryptoKey, data: Uint8Array) =>
    node.createHmac('sha256', keyOf(key)).update(data).digest()
  const subtle = {
    digest: async (name: string, data: Uint8Array) =>
      bytes(node.createHash(name.replace('-', '')).update(data).digest()),
    async importKey(...given: Parameters<typeof node.webcrypto.subtle.importKey>) {
      const [format, data, algorithm, extractable, usages] = given
      const isRaw = (format as string) !== 'jwk'
      const key = isRaw
        ? node.createSecretKey(data as Uint8Array)
        : jwkKey(data as unknown as node.JsonWebKey)
      return key.toCryptoKey(algorithm as 'Ed25519', extractable, usages)
    },
    sign: async (_: unknown, key: CryptoKey, data: Uint8Array) =>
      bytes(isMac(key) ? mac(key, data) : node.sign(null, data, keyOf(key))),
    async verify(...given: [unknown, CryptoKey, Uint8Array, Uint8Array]) {
      const [, key, signature, data] = given
      return isMac(key)
        ? node.timingSafeEqual(mac(key, data), signature)
        : node.verify(null, data, keyOf(key), signature)
    },
  }
  const uuid = () => {
    const digits = Buffer.from(random.bytes(16)).toString('hex')
    return digits.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12})$/, '$1-$2-4$3-8$4-$5')
  }
  return { subtle, randomUUID: uuid, getRandomValues: fill(random) }
}

const jwkKey = (key: node.JsonWebKey) =>
  key.d
    ? node.createPrivateKey({ key, format: 'jwk' })
    : node.createPublicKey({ key, format: 'jwk' })

const fill = (random: Random) => (into: Uint8Array) => {
  into.set(random.bytes(into.length))
  return into
}
