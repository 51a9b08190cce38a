import { Refusal } from './failure.ts'
import type { Session } from './session.ts'

type PoolOptions = { size: number; timeoutMs: number; open: () => Promise<Session> }

/** A session to use, or undefined: there is room to open one. */
type Grant = (session: Session | undefined) => void

/** At most `size` sessions; whoever waits longer than `timeoutMs` for one is refused. */
export class Pool {
  readonly #options: PoolOptions
  readonly #all = new Set<Session>()
  #idle: Session[] = []
  #places: number
  #waiting: Grant[] = []

  constructor(options: PoolOptions) {
    this.#options = options
    this.#places = options.size
  }

  async use<T>(work: (session: Session) => Promise<T>): Promise<T> {
    const session = await this.#acquire()
    try {
      return await work(session)
    } finally {
      this.#release(session)
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#all].map((session) => session.close()))
  }

  async #acquire(): Promise<Session> {
    const idle = this.#idle.pop()
    if (idle) return idle
    if (this.#places > 0) {
      this.#places -= 1
      return this.#open()
    }
    return (await this.#wait()) ?? this.#open()
  }

  /** The caller holds a place; it is given back when no session can be opened in it. */
  async #open(): Promise<Session> {
    try {
      const session = await this.#options.open()
      this.#all.add(session)
      session.died.catch(() => this.#bury(session))
      return session
    } catch (cause) {
      this.#freePlace()
      throw connectionFailure(cause)
    }
  }

  #wait(): Promise<Session | undefined> {
    return new Promise((resolve, reject) => {
      const grant: Grant = (session) => {
        clearTimeout(timer)
        resolve(session)
      }
      const timer = setTimeout(() => {
        this.#waiting = this.#waiting.filter((it) => it !== grant)
        reject(acquisitionTimeout())
      }, this.#options.timeoutMs)
      this.#waiting.push(grant)
    })
  }

  #release(session: Session) {
    if (session.lost) return this.#freePlace()
    const next = this.#waiting.shift()
    if (next) next(session)
    else this.#idle.push(session)
  }

  /** A session that dies idle leaves its place; one in use leaves it when it is released. */
  #bury(session: Session) {
    this.#all.delete(session)
    if (!this.#idle.includes(session)) return
    this.#idle = this.#idle.filter((it) => it !== session)
    this.#freePlace()
  }

  #freePlace() {
    const next = this.#waiting.shift()
    if (next) next(undefined)
    else this.#places += 1
  }
}

const connectionFailure = (cause: unknown) =>
  new Refusal({
    status: 503,
    code: 'PGRST000',
    message: 'Database connection error.',
    details: cause instanceof Error ? cause.message || String(cause) : String(cause),
  })

const acquisitionTimeout = () =>
  new Refusal({
    status: 504,
    code: 'PGRST003',
    message: 'Timed out acquiring connection from connection pool.',
  })
