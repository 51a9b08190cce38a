import { allKeys, type Command, reads, Words, writes } from '../command.ts'
import { type Expiry, expiryAt } from '../expiry.ts'
import { inInt64, integer, needInt64 } from '../numbers.ts'
import { type Bytes, OK, type Reply, ReplyError, SYNTAX, wrongArity } from '../reply.ts'
import type { Store } from '../store.ts'

/** String commands. */
export const strings: Record<string, Command> = {
  GET: reads(2, ({ store }, [key = '']) => store.get('string', key) ?? null),
  SET: writes(-3, ({ store }, args) => set(store, args)),
  SETNX: writes(3, ({ store }, [key = '', value = '']) => {
    if (store.has(key)) return 0
    store.put('string', key, value)
    return 1
  }),
  SETEX: writes(4, ({ store }, [key = '', seconds = '', value = '']) => {
    const expiresAt = expiryAt(store, ['EX', seconds], 'setex')
    store.put('string', key, value)
    store.setExpiry(key, expiresAt)
    return OK
  }),
  GETDEL: writes(2, ({ store }, [key = '']) => {
    const value = store.get('string', key) ?? null
    if (value !== null) store.delete(key)
    return value
  }),
  GETEX: writes(-2, ({ store }, args) => getAndExpire(store, args)),
  MGET: {
    ...reads(-2, ({ store }, keys) =>
      keys.map((key) =>
        store.typeOf(key) === 'string' ? (store.get('string', key) ?? null) : null,
      ),
    ),
    keys: allKeys,
  },
  MSET: {
    ...writes(-3, ({ store }, args) => {
      if (args.length % 2) throw wrongArity('mset')
      for (let i = 0; i < args.length; i += 2) store.put('string', args[i] ?? '', args[i + 1] ?? '')
      return OK
    }),
    keys: (args) => args.filter((_, index) => index % 2 === 0),
  },
  INCR: writes(2, ({ store }, [key = '']) => add(store, key, 1n)),
  DECR: writes(2, ({ store }, [key = '']) => add(store, key, -1n)),
  INCRBY: writes(3, ({ store }, [key = '', by = '']) => add(store, key, needInt64(by))),
  DECRBY: writes(3, ({ store }, [key = '', by = '']) => {
    const amount = needInt64(by)
    if (!inInt64(-amount)) throw new ReplyError('ERR decrement would overflow')
    return add(store, key, -amount)
  }),
}

/** Adds to an integer held as text, exactly, within 64 bits. */
function add(store: Store, key: Bytes, by: bigint): Reply {
  const sum = needInt64(store.get('string', key) ?? '0') + by
  if (!inInt64(sum)) throw new ReplyError('ERR increment or decrement would overflow')
  store.replace('string', key, String(sum))
  return integer(sum)
}

type SetOptions = { nx: boolean; xx: boolean; get: boolean; keepTtl: boolean; expiry?: Expiry }

function set(store: Store, [key = '', value = '', ...rest]: Bytes[]): Reply {
  const options = readSetOptions(new Words(rest))
  const expiresAt = options.expiry && expiryAt(store, options.expiry, 'set')
  const before = options.get ? (store.get('string', key) ?? null) : null
  const exists = store.has(key)
  if ((options.nx && exists) || (options.xx && !exists)) return before
  if (options.keepTtl) store.replace('string', key, value)
  else store.put('string', key, value)
  if (expiresAt !== undefined) store.setExpiry(key, expiresAt)
  return options.get ? before : OK
}

function readSetOptions(words: Words): SetOptions {
  const options: SetOptions = { nx: false, xx: false, get: false, keepTtl: false }
  while (words.left > 0) readSetOption(words, options)
  const contrary = (options.nx && options.xx) || (options.keepTtl && options.expiry)
  if (contrary) throw new ReplyError(SYNTAX)
  return options
}

function readSetOption(words: Words, options: SetOptions): void {
  const option = words.option()
  if (option === 'NX') options.nx = true
  else if (option === 'XX') options.xx = true
  else if (option === 'GET') options.get = true
  else if (option === 'KEEPTTL') options.keepTtl = true
  else if (isExpiryUnit(option) && !options.expiry) options.expiry = [option, words.take()]
  else throw new ReplyError(SYNTAX)
}

const isExpiryUnit = (option: string): option is Expiry[0] =>
  option === 'EX' || option === 'PX' || option === 'EXAT' || option === 'PXAT'

function getAndExpire(store: Store, [key = '', ...rest]: Bytes[]): Reply {
  const words = new Words(rest)
  const option = words.left > 0 ? words.option() : undefined
  const expiry = option && isExpiryUnit(option) ? ([option, words.take()] as Expiry) : undefined
  if (words.left > 0 || (option && !expiry && option !== 'PERSIST')) throw new ReplyError(SYNTAX)

  const value = store.get('string', key) ?? null
  if (value === null) return null
  if (expiry) store.setExpiry(key, expiryAt(store, expiry, 'getex'))
  else if (option) store.setExpiry(key, undefined)
  return value
}
