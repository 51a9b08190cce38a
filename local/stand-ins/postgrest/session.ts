import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import postgres from 'postgres'
import type { DatabaseError } from './sqlstate.ts'

export type Statement = { text: string; parameters?: readonly string[] }
export type Row = Record<string, string | null>

/** The connection ended under a statement; `reason` is the server's last word, if it had one. */
export class SessionLost extends Error {
  readonly reason: DatabaseError | undefined

  constructor(reason: DatabaseError | undefined) {
    super(reason?.message ?? 'server closed the connection unexpectedly')
    this.reason = reason
  }
}

/** A json parameter travels as the text it arrived in: no number passes through a float. */
const identity = (value: string) => value
const PREPARED = { prepare: true, simple: false }
const JSON_AS_TEXT = { to: 114, from: [114], serialize: identity, parse: identity }

/** One connection to Postgres whose statements are sent without waiting for one another. */
export class Session {
  #client: postgres.Sql
  #reserved: postgres.ReservedSql | undefined
  #died = Promise.withResolvers<never>()
  #abandon = new Set<(lost: SessionLost) => void>()
  #lost: SessionLost | undefined
  #lastWord: DatabaseError | undefined

  private constructor(url: string, onNotify?: (channel: string, payload: string) => void) {
    this.#died.promise.catch(() => undefined)
    const options = {
      max: 1,
      fetch_types: false,
      idle_timeout: 0,
      max_lifetime: null,
      connect_timeout: 10,
      types: { json: JSON_AS_TEXT },
      onnotice: () => undefined,
      onnotify: onNotify,
      onclose: () => this.#close(),
      socket: (target: { host: string[]; port: number[] }) => this.#dial(target),
    }
    this.#client = postgres(url, options as never)
  }

  /** A session that is ready for statements; throws what Postgres or the network said. */
  static async open(
    url: string,
    onNotify?: (channel: string, payload: string) => void,
  ): Promise<Session> {
    const session = new Session(url, onNotify)
    try {
      // Without this the driver never grants the reservation of a connection it has yet to open.
      await session.#client.unsafe('select 1')
      session.#reserved = await session.#client.reserve()
      return session
    } catch (cause) {
      await session.close()
      throw cause
    }
  }

  get lost(): boolean {
    return this.#lost !== undefined
  }

  /** Settles never, or rejects with {@link SessionLost} when the connection ends. */
  get died(): Promise<never> {
    return this.#died.promise
  }

  /** Sends the statements in one go and answers the rows of each, or throws the first error. */
  async run(statements: readonly Statement[]): Promise<Row[][]> {
    const reserved = this.#reserved
    if (this.#lost || !reserved) throw this.#lost ?? new SessionLost(undefined)
    const pending = statements.map(({ text, parameters = [] }) =>
      reserved.unsafe<Row[]>(text, [...parameters], PREPARED).execute(),
    )
    const settled = await this.#unlessLost(Promise.allSettled(pending))
    const failed = settled.find((it) => it.status === 'rejected')
    if (failed) throw this.#lost ?? failed.reason
    return settled.map((it) => (it.status === 'fulfilled' ? it.value : []))
  }

  /** Not `Promise.race` with `died`, which would keep every result for as long as it lives. */
  #unlessLost<T>(work: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#abandon.add(reject)
      work.then(resolve, reject).finally(() => this.#abandon.delete(reject))
    })
  }

  async close(): Promise<void> {
    this.#reserved?.release()
    this.#reserved = undefined
    await this.#client.end({ timeout: 0 })
    this.#close()
  }

  #close() {
    this.#lost ??= new SessionLost(this.#lastWord)
    this.#died.reject(this.#lost)
    for (const abandon of this.#abandon) abandon(this.#lost)
  }

  /** Our own socket, to overhear why the server ends a connection: the driver does not tell. */
  async #dial(target: { host: string[]; port: number[] }): Promise<Socket> {
    const socket = connect({ host: target.host[0] ?? '127.0.0.1', port: Number(target.port[0]) })
    await once(socket, 'connect')
    socket.setNoDelay(true)
    socket.on('data', (chunk: Buffer) => {
      this.#lastWord = fatalError(chunk) ?? this.#lastWord
    })
    return socket
  }
}

const FATAL = 'VFATAL\0'

/** The fatal error in a piece of the protocol's stream. No text in it can hold the NULs. */
function fatalError(chunk: Buffer): DatabaseError | undefined {
  const start = chunk.indexOf(FATAL, 0, 'latin1')
  if (start < 0) return undefined
  const fields = new Map<string, string>()
  for (const field of chunk.toString('utf8', start).split('\0')) {
    if (field === '') break
    fields.set(field.slice(0, 1), field.slice(1))
  }
  const [code, message] = [fields.get('C'), fields.get('M')]
  if (!code || !message) return undefined
  return { code, message, detail: fields.get('D'), hint: fields.get('H') }
}
