import { allKeys, type Command, noKeys, reads, Words, writes } from '../command.ts'
import { momentOf } from '../expiry.ts'
import { globToPattern } from '../glob.ts'
import { needInteger } from '../numbers.ts'
import { type Bytes, type Reply, ReplyError, Status, SYNTAX } from '../reply.ts'
import type { Store } from '../store.ts'

const remove: Command = {
  ...writes(-2, ({ store }, keys) => keys.filter((key) => store.delete(key)).length),
  keys: allKeys,
}

const expires = (unit: 'EX' | 'PX' | 'EXAT' | 'PXAT', name: string): Command =>
  writes(-3, ({ store }, [key = '', amount = '', ...conditions]) => {
    const allowed = conditionsOf(conditions)
    const moment = momentOf(store, [unit, amount], name)
    if (!store.has(key) || !allowed(store.expiryOf(key), moment)) return 0
    if (moment <= store.now()) store.delete(key)
    else store.setExpiry(key, moment)
    return 1
  })

const remaining = (unitMs: number): Command =>
  reads(2, ({ store }, [key = '']) => {
    if (!store.has(key)) return -2
    const expiresAt = store.expiryOf(key)
    if (expiresAt === undefined) return -1
    const ms = Math.max(0, expiresAt - store.now())
    return unitMs === 1 ? ms : Math.floor((ms + unitMs / 2) / unitMs)
  })

/** Commands about keys of any type. */
export const keys: Record<string, Command> = {
  DEL: remove,
  UNLINK: remove,
  EXISTS: {
    ...reads(-2, ({ store }, names) => names.filter((key) => store.has(key)).length),
    keys: allKeys,
  },
  TYPE: reads(2, ({ store }, [key = '']) => new Status(store.typeOf(key) ?? 'none')),
  EXPIRE: expires('EX', 'expire'),
  PEXPIRE: expires('PX', 'pexpire'),
  EXPIREAT: expires('EXAT', 'expireat'),
  PEXPIREAT: expires('PXAT', 'pexpireat'),
  TTL: remaining(1000),
  PTTL: remaining(1),
  PERSIST: writes(2, ({ store }, [key = '']) => {
    if (store.expiryOf(key) === undefined) return 0
    store.setExpiry(key, undefined)
    return 1
  }),
  SCAN: {
    arity: -2,
    keys: noKeys,
    writes: false,
    wholeDatabase: true,
    run: ({ store }, args) => scan(store, args),
  },
}

type Condition = (before: number | undefined, moment: number) => boolean

/** NX, XX, GT and LT of the EXPIRE family; no expiry counts as infinitely far. */
function conditionsOf(words: Bytes[]): Condition {
  const given = new Set(words.map((word) => word.toUpperCase()))
  const unknown = words.find((word) => !/^(?:NX|XX|GT|LT)$/i.test(word))
  if (unknown !== undefined) throw new ReplyError(`ERR Unsupported option ${unknown}`)
  if (given.has('NX') && given.size > 1) {
    throw new ReplyError('ERR NX and XX, GT or LT options at the same time are not compatible')
  }
  if (given.has('GT') && given.has('LT')) {
    throw new ReplyError('ERR GT and LT options at the same time are not compatible')
  }
  return (before, moment) => {
    if (given.has('NX') && before !== undefined) return false
    if (given.has('XX') && before === undefined) return false
    if (given.has('GT') && moment <= (before ?? Number.POSITIVE_INFINITY)) return false
    return !(given.has('LT') && moment >= (before ?? Number.POSITIVE_INFINITY))
  }
}

/** The cursor is the number of the last key seen, so keys that stay are seen exactly once. */
function scan(store: Store, [cursor = '', ...rest]: Bytes[]): Reply {
  if (!/^\d{1,20}$/.test(cursor)) throw new ReplyError('ERR invalid cursor')
  const { pattern, type, count } = scanOptions(new Words(rest))
  const found = store.keysAfter(Number(cursor), count)
  const next = found.length < count ? '0' : String(found.at(-1)?.serial ?? 0)
  const matching = found.filter(
    (it) => (!pattern || pattern.test(it.key)) && (!type || it.type === type),
  )
  return [next, matching.map((it) => it.key)]
}

function scanOptions(words: Words): { pattern?: RegExp; type?: string; count: number } {
  const options: { pattern?: RegExp; type?: string; count: number } = { count: 10 }
  while (words.left > 0) {
    if (words.accept('MATCH')) options.pattern = globToPattern(words.take())
    else if (words.accept('TYPE')) options.type = words.take().toLowerCase()
    else if (words.accept('COUNT')) options.count = needInteger(words.take())
    else throw new ReplyError(SYNTAX)
    if (options.count < 1) throw new ReplyError(SYNTAX)
  }
  return options
}
