import { type Command, reads, Words, writes } from '../command.ts'
import { needInteger } from '../numbers.ts'
import { type Bytes, type Reply, ReplyError, SYNTAX, wrongArity } from '../reply.ts'
import type { Store } from '../store.ts'
import {
  entryAt,
  entryReply,
  formatId,
  indexFrom,
  newStream,
  nextId,
  parseEnd,
  parseId,
  parseStart,
  type Stream,
  type StreamId,
  streamId,
} from '../streams.ts'

/** Stream commands that need no consumer group. */
export const streams: Record<string, Command> = {
  XADD: writes(-5, ({ store }, args) => append(store, args)),
  XLEN: reads(2, ({ store }, [key = '']) => store.get('stream', key)?.entries.length ?? 0),
  XRANGE: reads(-4, ({ store }, [key = '', start = '', end = '', ...rest]) =>
    range(() => store.get('stream', key), [start, end], rest),
  ),
  XREVRANGE: reads(-4, ({ store }, [key = '', end = '', start = '', ...rest]) =>
    range(() => store.get('stream', key), [start, end], ['REV', ...rest]),
  ),
  XTRIM: writes(-4, ({ store }, [key = '', ...rest]) => {
    const words = new Words(rest)
    const trim = readTrim(words)
    if (!trim || words.left > 0) throw new ReplyError(SYNTAX)
    const stream = store.get('stream', key)
    return stream ? trimStream(stream, trim) : 0
  }),
  XDEL: writes(-3, ({ store }, [key = '', ...texts]) => {
    const ids = texts.map((text) => parseId(text))
    const stream = store.get('stream', key)
    return stream ? ids.filter((id) => removeEntry(stream, id)).length : 0
  }),
}

function removeEntry(stream: Stream, id: StreamId): boolean {
  if (!entryAt(stream, id)) return false
  stream.entries.splice(indexFrom(stream, id), 1)
  return true
}

type Find = () => Stream | undefined

function range(find: Find, [start, end]: [Bytes, Bytes], rest: Bytes[]): Reply {
  const words = new Words(rest)
  const reverse = words.accept('REV')
  const [first, last] = [parseStart(start), parseEnd(end)]
  const count = words.accept('COUNT') ? Math.max(0, needInteger(words.take())) : undefined
  if (words.left > 0) throw new ReplyError(SYNTAX)
  const stream = find()
  if (!stream) return []
  if (count === 0) return null

  const [from, to] = [indexFrom(stream, first), indexFrom(stream, last + 1n)]
  if (reverse) {
    const kept = stream.entries.slice(Math.max(from, to - (count ?? to)), Math.max(from, to))
    return kept.reverse().map(entryReply)
  }
  return stream.entries.slice(from, Math.min(to, from + (count ?? to))).map(entryReply)
}

function append(store: Store, [key = '', ...rest]: Bytes[]): Reply {
  const words = new Words(rest)
  const { make, trim } = appendOptions(words)
  const wanted = words.take()
  const readId = idReader(wanted)
  const fields = words.rest()
  if (fields.length === 0 || fields.length % 2) throw wrongArity('xadd')
  if (/^0+(?:-0+)?$/.test(wanted)) throw new ReplyError(ZERO_ID)

  const known = store.get('stream', key)
  if (!known && !make) return null
  const stream = known ?? newStream()
  const id = readId(stream.lastId, store.now())
  if (id <= stream.lastId) throw new ReplyError(NOT_ABOVE)
  if (!known) store.put('stream', key, stream)
  stream.entries.push({ id, fields })
  stream.lastId = id
  if (trim) trimStream(stream, trim)
  return formatId(id)
}

function appendOptions(words: Words): { make: boolean; trim: Trim | undefined } {
  let make = !words.accept('NOMKSTREAM')
  const trim = readTrim(words)
  if (words.accept('NOMKSTREAM')) make = false
  return { make, trim }
}

/** Reads `*`, `ms-*`, `ms-seq` or `ms`, in a form that is complete once the last id is known. */
function idReader(text: Bytes): (lastId: StreamId, nowMs: number) => StreamId {
  if (text === '*') return nextId
  if (!text.endsWith('-*')) {
    const id = parseId(text)
    return () => id
  }
  const id = parseId(text.slice(0, -2))
  return (lastId) => {
    if (lastId >> 64n === id >> 64n) return lastId + 1n
    return id === 0n ? streamId(0n, 1n) : id
  }
}

const ZERO_ID = 'ERR The ID specified in XADD must be greater than 0-0'
const NOT_ABOVE = 'ERR The ID specified in XADD is equal or smaller than the target stream top item'

type Trim = { keepFrom: (stream: Stream) => number; approximate: boolean; limit: number }

/** Redis drops whole blocks of this many entries when `~` lets it. */
const BLOCK = 100

function readTrim(words: Words): Trim | undefined {
  const byLength = words.accept('MAXLEN')
  if (!byLength && !words.accept('MINID')) return undefined
  const approximate = words.accept('~')
  if (!approximate) words.accept('=')
  const threshold = words.take()
  const keepFrom = byLength ? keepNewest(threshold) : keepFromId(threshold)
  const limit = words.accept('LIMIT') ? needInteger(words.take()) : undefined
  if (limit !== undefined && limit < 0) {
    throw new ReplyError('ERR The LIMIT argument must be >= 0.')
  }
  if (limit !== undefined && !approximate) {
    throw new ReplyError(`${SYNTAX}, LIMIT cannot be used without the special ~ option`)
  }
  return { keepFrom, approximate, limit: limit || Number.POSITIVE_INFINITY }
}

function keepNewest(text: Bytes): Trim['keepFrom'] {
  const count = needInteger(text)
  if (count < 0) throw new ReplyError('ERR The MAXLEN argument must be >= 0.')
  return (stream) => Math.max(0, stream.entries.length - count)
}

function keepFromId(text: Bytes): Trim['keepFrom'] {
  const id = parseId(text)
  return (stream) => indexFrom(stream, id)
}

function trimStream(stream: Stream, { keepFrom, approximate, limit }: Trim): number {
  const exact = keepFrom(stream)
  const everything = exact === stream.entries.length && exact <= limit
  const whole = Math.floor(Math.min(exact, limit) / BLOCK) * BLOCK
  const removed = approximate && !everything ? whole : exact
  stream.entries.splice(0, removed)
  return removed
}
