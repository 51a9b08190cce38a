import { setTimeout as pause } from 'node:timers/promises'
import { type ApiFunction, type RoleSettings, readFunctions, readRoles } from './catalog.ts'
import { Refusal } from './failure.ts'
import { Session } from './session.ts'

type Snapshot = { functions: ApiFunction[]; roles: Record<string, RoleSettings> }

/** How long to wait before another attempt to reach a database that is down. */
const RETRY_MS = 100

/**
 * What PostgREST remembers of the database between two reloads.
 *
 * It holds a connection of its own, on which it hears `NOTIFY pgrst`; when that connection ends it
 * dials until Postgres is back and then reads everything again. Until the first reading there is
 * nothing to serve from; after it, the last reading stays in use.
 */
export class SchemaCache {
  readonly #url: string
  readonly #schemas: readonly string[]
  readonly #stopped = new AbortController()
  #session: Session | undefined
  #snapshot: Snapshot | undefined
  #reading: Promise<unknown> = Promise.resolve()

  constructor(url: string, schemas: readonly string[]) {
    this.#url = url
    this.#schemas = schemas
  }

  /** Reads the catalog; a database that cannot be reached is tried for in the background. */
  async start(): Promise<void> {
    try {
      await this.#connect()
    } catch (cause) {
      if (!isUnreachable(cause)) throw cause
    }
    void this.#keepConnected()
  }

  async stop(): Promise<void> {
    this.#stopped.abort()
    await this.#session?.close()
  }

  get snapshot(): Snapshot {
    if (!this.#snapshot) throw notLoaded()
    return this.#snapshot
  }

  /** Reads again what `NOTIFY pgrst` can ask for: the functions, the role settings, or both. */
  reload(what: string): Promise<void> {
    // One after the other, or an older reading that ends later would replace a newer one.
    const reading = this.#reading.then(() => this.#read(what))
    this.#reading = reading.catch(() => undefined)
    return reading
  }

  async #read(what: string): Promise<void> {
    const session = this.#session
    if (!session) throw notLoaded()
    const { functions, roles } = this.#snapshot ?? {}
    this.#snapshot = {
      functions:
        functions && what === 'reload config'
          ? functions
          : await readFunctions(session, this.#schemas),
      roles: roles && what === 'reload schema' ? roles : await readRoles(session),
    }
  }

  async #connect(): Promise<void> {
    const session = await Session.open(this.#url, (_channel, payload) => this.#hear(payload))
    if (this.#stopped.signal.aborted) return session.close()
    this.#session = session
    try {
      await session.run([{ text: 'listen pgrst' }])
      await this.reload('')
    } catch (cause) {
      await session.close()
      throw cause
    }
  }

  #hear(payload: string) {
    if (payload !== '' && payload !== 'reload schema' && payload !== 'reload config') return
    this.reload(payload).catch(() => undefined)
  }

  async #keepConnected(): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      await this.#session?.died.catch(() => undefined)
      this.#session = undefined
      if (this.#stopped.signal.aborted) return
      await this.#connect().catch(() =>
        pause(RETRY_MS, undefined, { ref: false, signal: this.#stopped.signal }).catch(() => {}),
      )
    }
  }
}

/** Refused, reset or timed out, or a server that is starting or shutting down (57P). */
function isUnreachable(cause: unknown): boolean {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  return /^(E[A-Z]+|CONNECT|57P)/.test(code)
}

const notLoaded = () =>
  new Refusal({
    status: 503,
    code: 'PGRST002',
    message: 'Could not query the database for the schema cache. Retrying.',
  })
