import type { Bytes, Reply, ReplyError } from './reply.ts'

/** A Redis behind the HTTP face: the one in this process, or a server. */
export type Backend = {
  /** Runs one command; what Redis answers as an error is the answer. */
  run: (words: Bytes[]) => Promise<Reply>
  /** Runs all or none, with nothing in between; an error means none. */
  transaction: (queue: Bytes[][]) => Promise<Reply[] | ReplyError>
  /** Commands that scripts ran so far, which Upstash bills like any other; NaN when not known. */
  commandsInScripts: () => number
  reset: () => Promise<void>
  snapshot: () => string
  restore: (id: string) => void
  stop: () => Promise<void>
}
