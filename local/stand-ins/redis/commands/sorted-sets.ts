import { type Command, reads, Words, writes } from '../command.ts'
import { formatScore, needDouble, needInteger } from '../numbers.ts'
import { byRank, byScore, readRange, type Scored, type ScoreRange } from '../ranges.ts'
import { type Bytes, Refusal, type Reply, ReplyError, SYNTAX } from '../reply.ts'
import type { Store } from '../store.ts'

/** Sorted-set commands. */
export const sortedSets: Record<string, Command> = {
  ZADD: writes(-4, ({ store }, args) => add(store, args)),
  ZCARD: reads(2, ({ store }, [key = '']) => store.get('zset', key)?.size ?? 0),
  ZSCORE: reads(3, ({ store }, [key = '', member = '']) => {
    const score = store.get('zset', key)?.get(member)
    return score === undefined ? null : formatScore(score)
  }),
  ZCOUNT: reads(4, ({ store }, [key = '', min = '', max = '']) => {
    const range = readRange(min, max)
    return byScore(store.get('zset', key), range).length
  }),
  ZRANGE: reads(-4, ({ store }, args) => rangeOf(store, args, zrangeOptions(args.slice(3)))),
  ZRANGEBYSCORE: reads(-4, ({ store }, args) => {
    const options = { ...plain, byScore: true }
    const words = new Words(args.slice(3))
    while (words.left > 0) readLimitOrScores(words, words.option(), options)
    return rangeOf(store, args, options)
  }),
  ZREM: writes(-3, ({ store }, [key = '', ...members]) => removeMembers(store, key, members)),
  ZREMRANGEBYSCORE: writes(4, ({ store }, [key = '', min = '', max = '']) => {
    const range = readRange(min, max)
    const found = byScore(store.get('zset', key), range)
    return removeMembers(
      store,
      key,
      found.map(([member]) => member),
    )
  }),
}

function removeMembers(store: Store, key: Bytes, members: Bytes[]): number {
  const set = store.get('zset', key)
  if (!set) return 0
  const removed = members.filter((member) => set.delete(member)).length
  if (set.size === 0) store.delete(key)
  return removed
}

type RangeOptions = {
  byScore: boolean
  reverse: boolean
  withScores: boolean
  limit?: [offset: number, count: number]
}
const plain: RangeOptions = { byScore: false, reverse: false, withScores: false }

function zrangeOptions(rest: Bytes[]): RangeOptions {
  const options = { ...plain }
  const words = new Words(rest)
  while (words.left > 0) {
    const option = words.option()
    if (option === 'BYSCORE') options.byScore = true
    else if (option === 'REV') options.reverse = true
    else if (option === 'BYLEX') throw new Refusal('ZRANGE BYLEX is not built')
    else readLimitOrScores(words, option, options)
  }
  if (options.limit && !options.byScore) {
    throw new ReplyError(
      `${SYNTAX}, LIMIT is only supported in combination with either BYSCORE or BYLEX`,
    )
  }
  return options
}

function readLimitOrScores(words: Words, option: string, options: RangeOptions): void {
  if (option === 'WITHSCORES') options.withScores = true
  else if (option === 'LIMIT') {
    options.limit = [needInteger(words.take()), needInteger(words.take())]
  } else throw new ReplyError(SYNTAX)
}

function rangeOf(store: Store, [key = '', from = '', to = '']: Bytes[], options: RangeOptions) {
  const range = options.byScore
    ? readRange(...((options.reverse ? [to, from] : [from, to]) as [Bytes, Bytes]))
    : ([needInteger(from), needInteger(to)] as [number, number])
  const set = store.get('zset', key)
  const found = Array.isArray(range)
    ? byRank(set, range, options.reverse)
    : scoreRange(set, range, options)
  return found.flatMap(([member, score]) =>
    options.withScores ? [member, formatScore(score)] : [member],
  )
}

type SortedSet = Map<Bytes, number> | undefined

function scoreRange(set: SortedSet, range: ScoreRange, options: RangeOptions): Scored[] {
  const found = [...byScore(set, range)]
  if (options.reverse) found.reverse()
  const [offset, count] = options.limit ?? [0, -1]
  if (offset < 0) return []
  return found.slice(offset, count < 0 ? undefined : offset + count)
}

type AddOptions = { nx: boolean; xx: boolean; gt: boolean; lt: boolean; ch: boolean; incr: boolean }

function add(store: Store, [key = '', ...rest]: Bytes[]): Reply {
  const words = new Words(rest)
  const options = addOptions(words)
  const pairs = words.rest()
  if (pairs.length === 0 || pairs.length % 2) throw new ReplyError(SYNTAX)
  if (options.incr && pairs.length > 2) {
    throw new ReplyError('ERR INCR option supports a single increment-element pair')
  }
  const scored: Scored[] = []
  for (let i = 0; i < pairs.length; i += 2) {
    scored.push([pairs[i + 1] ?? '', needDouble(pairs[i] ?? '')])
  }
  return addScored(store, key, { scored, options })
}

function addOptions(words: Words): AddOptions {
  const options = { nx: false, xx: false, gt: false, lt: false, ch: false, incr: false }
  const names = Object.keys(options) as (keyof AddOptions)[]
  for (let name: keyof AddOptions | undefined = 'nx'; name; ) {
    name = names.find((it) => words.accept(it.toUpperCase()))
    if (name) options[name] = true
  }
  if (options.nx && options.xx) {
    throw new ReplyError('ERR XX and NX options at the same time are not compatible')
  }
  if ((options.gt && (options.lt || options.nx)) || (options.lt && options.nx)) {
    throw new ReplyError('ERR GT, LT, and/or NX options at the same time are not compatible')
  }
  return options
}

type Addition = { scored: Scored[]; options: AddOptions }

function addScored(store: Store, key: Bytes, { scored, options }: Addition): Reply {
  const known = store.get('zset', key)
  if (!known && options.xx) return options.incr ? null : 0
  const set = known ?? store.getOrMake('zset', key, () => new Map())
  const sizeBefore = set.size
  const written = scored.map((it) => addOne(set, it, options)).filter((it) => it !== undefined)
  if (set.size === 0) store.delete(key)
  if (options.incr) return written[0] ? formatScore(written[0].score) : null
  const added = set.size - sizeBefore
  return options.ch ? written.filter((it) => it.changed).length : added
}

/** Writes one score if the options admit it. */
function addOne(set: Map<Bytes, number>, [member, given]: Scored, options: AddOptions) {
  const before = set.get(member)
  const score = options.incr ? (before ?? 0) + given : given
  if (Number.isNaN(score)) throw new ReplyError('ERR resulting score is not a number (NaN)')
  if (!admits(options, before, score)) return undefined
  set.set(member, score)
  return { score, changed: before !== score }
}

function admits(options: AddOptions, before: number | undefined, score: number): boolean {
  if (before === undefined) return !options.xx
  if (options.nx) return false
  return !(options.gt && score <= before) && !(options.lt && score >= before)
}
