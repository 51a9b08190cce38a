import { type Command, reads, Words, writes } from '../command.ts'
import { needInteger } from '../numbers.ts'
import { type Bytes, type Reply, ReplyError, SYNTAX } from '../reply.ts'
import type { Store } from '../store.ts'
import {
  entryAt,
  entryReply,
  formatId,
  type Group,
  type Pending,
  parseEnd,
  parseStart,
  type Stream,
  type StreamId,
} from '../streams.ts'

/** Commands about what consumers were given and have not acknowledged. */
export const pending: Record<string, Command> = {
  XPENDING: reads(-3, ({ store }, [key = '', name = '', ...rest]) => {
    if (rest.length === 0) return summary(groupOf(store, key, name).group)
    const wanted = listOptions(new Words(rest))
    return list(groupOf(store, key, name).group, wanted, store.now())
  }),
  XAUTOCLAIM: writes(-6, ({ store }, [key = '', name = '', consumer = '', ...rest]) => {
    const wanted = claimOptions(new Words(rest))
    const found = groupOf(store, key, name)
    return claim(found, { ...wanted, consumer, now: store.now() })
  }),
}

type Found = { stream: Stream; group: Group }

function groupOf(store: Store, key: Bytes, name: Bytes): Found {
  const stream = store.get('stream', key)
  const group = stream?.groups.get(name)
  if (!stream || !group) {
    throw new ReplyError(`NOGROUP No such key '${key}' or consumer group '${name}'`)
  }
  return { stream, group }
}

const inOrder = (group: Group): [StreamId, Pending][] =>
  [...group.pending].sort(([a], [b]) => (a < b ? -1 : 1))

function summary(group: Group): Reply {
  const all = inOrder(group)
  const [first, last] = [all[0], all.at(-1)]
  if (!first || !last) return [0, null, null, null]
  const counts = new Map<Bytes, number>()
  for (const [, { consumer }] of all) counts.set(consumer, (counts.get(consumer) ?? 0) + 1)
  const byName = [...counts].sort(([a], [b]) => (a < b ? -1 : 1))
  const consumers = byName.map(([name, count]): Reply => [name, String(count)])
  return [all.length, formatId(first[0]), formatId(last[0]), consumers]
}

type Listing = { idle: number; start: StreamId; end: StreamId; count: number; consumer?: Bytes }

function listOptions(words: Words): Listing {
  const idle = words.accept('IDLE') ? needInteger(words.take()) : 0
  const [start, end, count] = [words.take(), words.take(), words.take()]
  const listing: Listing = {
    idle,
    count: Math.max(0, needInteger(count)),
    start: parseStart(start),
    end: parseEnd(end),
  }
  if (words.left > 0) listing.consumer = words.take()
  if (words.left > 0) throw new ReplyError(SYNTAX)
  return listing
}

function list(group: Group, wanted: Listing, now: number): Reply {
  const matches = ([id, it]: [StreamId, Pending]) =>
    id >= wanted.start &&
    id <= wanted.end &&
    now - it.deliveredAt >= wanted.idle &&
    (wanted.consumer === undefined || it.consumer === wanted.consumer)
  return inOrder(group)
    .filter(matches)
    .slice(0, wanted.count)
    .map(([id, it]): Reply => [formatId(id), it.consumer, now - it.deliveredAt, it.count])
}

type Claim = { idle: number; start: StreamId; count: number; justId: boolean }

function claimOptions(words: Words): Claim {
  const idle = Math.max(
    0,
    needInteger(words.take(), 'ERR Invalid min-idle-time argument for XAUTOCLAIM'),
  )
  const options: Claim = { idle, start: parseStart(words.take()), count: 100, justId: false }
  while (words.left > 0) {
    if (words.accept('JUSTID')) options.justId = true
    else if (words.accept('COUNT')) options.count = needInteger(words.take(), NO_COUNT)
    else throw new ReplyError(SYNTAX)
    if (options.count < 1) throw new ReplyError(NO_COUNT)
  }
  return options
}

const NO_COUNT = 'ERR COUNT must be > 0'

/** Redis looks at ten times as many pending entries as it was asked to claim. */
const LOOKS_PER_CLAIM = 10

type Claiming = Claim & { consumer: Bytes; now: number }

function claim(found: Found, wanted: Claiming): Reply {
  const candidates = inOrder(found.group).filter(([id]) => id >= wanted.start)
  const claimed: Reply[] = []
  const gone: Reply[] = []
  let looked = 0
  for (const [id, it] of candidates) {
    if (looked >= wanted.count * LOOKS_PER_CLAIM || claimed.length >= wanted.count) break
    looked += 1
    if (!entryAt(found.stream, id)) {
      found.group.pending.delete(id)
      gone.push(formatId(id))
    } else if (wanted.now - it.deliveredAt >= wanted.idle) {
      claimed.push(claimOne(found, id, wanted))
    }
  }
  const next = candidates[looked]
  return [next ? formatId(next[0]) : '0-0', claimed, gone]
}

function claimOne({ stream, group }: Found, id: StreamId, wanted: Claiming): Reply {
  const { consumer, now, justId } = wanted
  const before = group.pending.get(id)?.count ?? 0
  group.pending.set(id, { consumer, deliveredAt: now, count: before + (justId ? 0 : 1) })
  const entry = entryAt(stream, id)
  return justId || !entry ? formatId(id) : entryReply(entry)
}
