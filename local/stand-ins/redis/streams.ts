import { type Bytes, ReplyError } from './reply.ts'

/** A stream id as one integer: milliseconds above, sequence in the low 64 bits. */
export type StreamId = bigint

export type StreamEntry = { id: StreamId; fields: Bytes[] }

/** An entry that a consumer was given and has not acknowledged. */
export type Pending = { consumer: Bytes; deliveredAt: number; count: number }

export type Group = { lastDelivered: StreamId; pending: Map<StreamId, Pending> }

/** Entries in order of id. */
export type Stream = { entries: StreamEntry[]; lastId: StreamId; groups: Map<Bytes, Group> }

export const newStream = (): Stream => ({ entries: [], lastId: 0n, groups: new Map() })

const MAX_PART = 2n ** 64n - 1n
const MAX_ID: StreamId = (MAX_PART << 64n) | MAX_PART

export const streamId = (ms: bigint, sequence: bigint): StreamId => (ms << 64n) | sequence

export const formatId = (id: StreamId): Bytes => `${id >> 64n}-${id & MAX_PART}`

const invalidId = () => new ReplyError('ERR Invalid stream ID specified as stream command argument')

/** Reads `ms-seq` or `ms` alone, whose sequence is then `missing`. */
export function parseId(text: Bytes, missing = 0n): StreamId {
  const match = /^(\d{1,20})(?:-(\d{1,20}))?$/.exec(text)
  if (!match) throw invalidId()
  const ms = BigInt(match[1] ?? '')
  const sequence = match[2] === undefined ? missing : BigInt(match[2])
  if (ms > MAX_PART || sequence > MAX_PART) throw invalidId()
  return streamId(ms, sequence)
}

/** Reads the start of a range: `-`, an id, or `(` and an id that is left out. */
export function parseStart(text: Bytes): StreamId {
  if (text === '-') return 0n
  if (text === '+') return MAX_ID
  if (!text.startsWith('(')) return parseId(text)
  const id = parseId(text.slice(1))
  if (id === MAX_ID) throw new ReplyError('ERR invalid start ID for the interval')
  return id + 1n
}

/** Reads the end of a range, likewise. */
export function parseEnd(text: Bytes): StreamId {
  if (text === '-') return 0n
  if (text === '+') return MAX_ID
  if (!text.startsWith('(')) return parseId(text, MAX_PART)
  const id = parseId(text.slice(1), MAX_PART)
  if (id === 0n) throw new ReplyError('ERR invalid end ID for the interval')
  return id - 1n
}

/** Where the first entry with an id of at least `id` is, or would be. */
export function indexFrom({ entries }: Stream, id: StreamId): number {
  let [low, high] = [0, entries.length]
  while (low < high) {
    const middle = (low + high) >> 1
    const entry = entries[middle]
    if (entry && entry.id < id) low = middle + 1
    else high = middle
  }
  return low
}

export function entryAt(stream: Stream, id: StreamId): StreamEntry | undefined {
  const entry = stream.entries[indexFrom(stream, id)]
  return entry?.id === id ? entry : undefined
}

/** The next id a `*` gives: the clock's milliseconds, or one more than the last id. */
export function nextId(lastId: StreamId, nowMs: number): StreamId {
  const fresh = streamId(BigInt(nowMs), 0n)
  return fresh > lastId ? fresh : lastId + 1n
}

export const entryReply = ({ id, fields }: StreamEntry): [Bytes, Bytes[]] => [formatId(id), fields]
