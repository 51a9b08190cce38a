import { type Command, Words, writes } from '../command.ts'
import { needInteger } from '../numbers.ts'
import { type Bytes, OK, Refusal, type Reply, ReplyError, SYNTAX, wrongArity } from '../reply.ts'
import type { Store } from '../store.ts'
import {
  entryAt,
  entryReply,
  formatId,
  type Group,
  indexFrom,
  newStream,
  parseId,
  type Stream,
} from '../streams.ts'

/** Commands of stream consumer groups that create, read and acknowledge. */
export const groups: Record<string, Command> = {
  XGROUP: {
    ...writes(-2, ({ store }, args) => create(store, args)),
    keys: (args) => args.slice(1, 2),
  },
  XREADGROUP: {
    ...writes(-7, ({ store }, args) => readGroup(store, args)),
    keys: (args) => {
      const names = args.slice(args.findIndex((word) => word.toUpperCase() === 'STREAMS') + 1)
      return names.slice(0, names.length / 2)
    },
  },
  XACK: writes(-4, ({ store }, [key = '', name = '', ...texts]) => {
    const ids = texts.map((text) => parseId(text))
    const group = store.get('stream', key)?.groups.get(name)
    return group ? ids.filter((id) => group.pending.delete(id)).length : 0
  }),
}

function create(store: Store, [order = '', ...args]: Bytes[]): Reply {
  if (order.toUpperCase() !== 'CREATE') throw new Refusal(`XGROUP ${order} is not built`)
  if (args.length < 3) throw wrongArity('xgroup|create')
  const [key = '', name = '', from = '', ...rest] = args
  const make = rest[0]?.toUpperCase() === 'MKSTREAM'
  if (rest.length > (make ? 1 : 0)) throw new Refusal('XGROUP CREATE takes only MKSTREAM here')

  const known = store.get('stream', key)
  if (!known && !make) throw new ReplyError(NO_STREAM)
  const stream = known ?? newStream()
  const lastDelivered = from === '$' ? stream.lastId : parseId(from)
  if (!known) store.put('stream', key, stream)
  if (stream.groups.has(name)) {
    throw new ReplyError('BUSYGROUP Consumer Group name already exists')
  }
  stream.groups.set(name, { lastDelivered, pending: new Map() })
  return OK
}

const NO_STREAM =
  'ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use ' +
  'the MKSTREAM option to create an empty stream automatically.'

type Reading = { group: Bytes; consumer: Bytes; count: number; noAck: boolean }
type Source = { key: Bytes; from: Bytes; stream: Stream; group: Group }

function readGroup(store: Store, args: Bytes[]): Reply {
  const words = new Words(args)
  const reading = readOptions(words)
  const names = words.rest()
  if (names.length === 0 || names.length % 2) throw new ReplyError(UNBALANCED)

  const half = names.length / 2
  const sources = names
    .slice(0, half)
    .map((key, index) => source(store, key, { from: names[half + index] ?? '', reading }))
  const read = sources.map((it): Reply[] | undefined => {
    const entries = it.from === '>' ? deliver(store, it, reading) : history(store, it, reading)
    return entries && [it.key, entries]
  })
  const found = read.filter((it) => it !== undefined)
  return found.length > 0 ? found : null
}

const UNBALANCED =
  "ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified."

function readOptions(words: Words): Reading {
  if (!words.accept('GROUP')) throw new ReplyError(SYNTAX)
  const reading: Reading = {
    group: words.take(),
    consumer: words.take(),
    count: Number.POSITIVE_INFINITY,
    noAck: false,
  }
  while (!words.accept('STREAMS')) {
    if (words.accept('COUNT')) reading.count = needInteger(words.take()) || reading.count
    else if (words.accept('NOACK')) reading.noAck = true
    else if (words.accept('BLOCK')) throw new Refusal('nothing blocks over REST')
    else throw new ReplyError(SYNTAX)
  }
  return reading
}

function source(store: Store, key: Bytes, wanted: { from: Bytes; reading: Reading }): Source {
  const { from, reading } = wanted
  const stream = store.get('stream', key)
  const group = stream?.groups.get(reading.group)
  if (!stream || !group) {
    throw new ReplyError(
      `NOGROUP No such key '${key}' or consumer group '${reading.group}' in XREADGROUP with GROUP option`,
    )
  }
  if (from === '$') throw new Refusal('XREADGROUP with $ is an error in every version')
  if (from !== '>') parseId(from)
  return { key, from, stream, group }
}

/** Entries no consumer of the group has had; they become pending. */
function deliver(store: Store, { stream, group }: Source, reading: Reading): Reply[] | undefined {
  const start = indexFrom(stream, group.lastDelivered + 1n)
  const fresh = stream.entries.slice(start, start + Math.max(0, reading.count))
  const last = fresh.at(-1)
  if (!last) return undefined
  group.lastDelivered = last.id
  if (!reading.noAck) {
    const pending = { consumer: reading.consumer, deliveredAt: store.now(), count: 1 }
    for (const entry of fresh) group.pending.set(entry.id, { ...pending })
  }
  return fresh.map(entryReply)
}

/** What this consumer has not acknowledged, after an id; deleted entries have no fields. */
function history(store: Store, { from, stream, group }: Source, reading: Reading): Reply[] {
  const after = parseId(from)
  const own = [...group.pending]
    .filter(([id, it]) => id > after && it.consumer === reading.consumer)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .slice(0, Math.max(0, reading.count))
  return own.map(([id, pending]): Reply => {
    pending.deliveredAt = store.now()
    pending.count += 1
    const entry = entryAt(stream, id)
    return entry ? entryReply(entry) : [formatId(id), null]
  })
}
