import { MovableClock } from '../../clock.ts'
import { type StandIn, serveStandIn } from '../server.ts'
import { HttpFace } from './http.ts'
import { memoryBackend } from './memory.ts'
import { fromBytes, type Reply, ReplyError, Status, toBytes } from './reply.ts'
import { serverBackend } from './server-backend.ts'

/** A reply as a test reads it: text, exact integers, lists. */
type RedisValue = string | number | bigint | null | RedisValue[]

export type RedisStandIn = StandIn & {
  token: string
  /** Runs a command past HTTP, faults and the trip log; throws what Redis answers as an error. */
  command: (...words: (string | number | bigint)[]) => Promise<RedisValue>
  /** Commands that scripts ran so far, which Upstash bills like any other; NaN when not known. */
  commandsInScripts: () => number
  /** Remembers the whole database; a Redis server refuses this. */
  snapshot: () => string
  /** Brings back a database that was remembered: acknowledged writes since are lost. */
  restore: (id: string) => void
  /** Empties the database and the script cache. */
  reset: () => Promise<void>
}

export type RedisOptions = {
  port?: number
  token: string
  clock?: MovableClock
  /** `redis://host:port/db` of a server to stand before, instead of the one in this process. */
  redisUrl?: string
}

/**
 * Serves Upstash's REST API on loopback, from memory or before a real Redis server.
 *
 * Beyond the control orders every stand-in has: `reset`, `snapshot` (answers `{ id }`) and
 * `restore` (takes `{ id }`). What Upstash may do and this does not is answered 501.
 */
export async function startRedis(options: RedisOptions): Promise<RedisStandIn> {
  const clock = options.clock ?? new MovableClock()
  const backend = options.redisUrl
    ? await serverBackend(options.redisUrl)
    : await memoryBackend(clock)
  const face = new HttpFace(backend, options.token)
  const standIn = await serveStandIn({
    name: 'redis',
    port: options.port,
    clock,
    subjectOf: (request) => face.subjectOf(request),
    handle: (request) => face.handle(request),
    orders: {
      reset: () => backend.reset(),
      snapshot: () => ({ id: backend.snapshot() }),
      restore: (body) => backend.restore(String(body['id'])),
    },
  })
  return {
    ...standIn,
    token: options.token,
    command: async (...words) => {
      const reply = await backend.run(words.map((word) => toBytes(String(word))))
      return readable(reply)
    },
    commandsInScripts: backend.commandsInScripts,
    snapshot: backend.snapshot,
    restore: backend.restore,
    reset: backend.reset,
    stop: async () => {
      await standIn.stop()
      await backend.stop()
    },
  }
}

function readable(reply: Reply): RedisValue {
  if (reply instanceof ReplyError) throw new ReplyError(fromBytes(reply.message))
  if (reply instanceof Status) return fromBytes(reply.text)
  if (typeof reply === 'string') return fromBytes(reply)
  return Array.isArray(reply) ? reply.map(readable) : reply
}
