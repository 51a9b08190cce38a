import { type Command, reads, writes } from '../command.ts'
import { inInt64, integer, needInt64 } from '../numbers.ts'
import { type Bytes, ReplyError, wrongArity } from '../reply.ts'

const empty = () => new Map<Bytes, Bytes>()

/** Hash commands. */
export const hashes: Record<string, Command> = {
  HSET: writes(-4, ({ store }, [key = '', ...pairs]) => {
    if (pairs.length % 2) throw wrongArity('hset')
    const hash = store.getOrMake('hash', key, empty)
    const before = hash.size
    for (let i = 0; i < pairs.length; i += 2) hash.set(pairs[i] ?? '', pairs[i + 1] ?? '')
    return hash.size - before
  }),
  HSETNX: writes(4, ({ store }, [key = '', field = '', value = '']) => {
    const hash = store.getOrMake('hash', key, empty)
    if (hash.has(field)) return 0
    hash.set(field, value)
    return 1
  }),
  HGET: reads(3, ({ store }, [key = '', field = '']) => store.get('hash', key)?.get(field) ?? null),
  HMGET: reads(-3, ({ store }, [key = '', ...fields]) => {
    const hash = store.get('hash', key)
    return fields.map((field) => hash?.get(field) ?? null)
  }),
  HGETALL: reads(2, ({ store }, [key = '']) => [...(store.get('hash', key) ?? empty())].flat()),
  HKEYS: reads(2, ({ store }, [key = '']) => [...(store.get('hash', key)?.keys() ?? [])]),
  HVALS: reads(2, ({ store }, [key = '']) => [...(store.get('hash', key)?.values() ?? [])]),
  HLEN: reads(2, ({ store }, [key = '']) => store.get('hash', key)?.size ?? 0),
  HEXISTS: reads(3, ({ store }, [key = '', field = '']) =>
    store.get('hash', key)?.has(field) ? 1 : 0,
  ),
  HDEL: writes(-3, ({ store }, [key = '', ...fields]) => {
    const hash = store.get('hash', key)
    if (!hash) return 0
    const removed = fields.filter((field) => hash.delete(field)).length
    if (hash.size === 0) store.delete(key)
    return removed
  }),
  HINCRBY: writes(4, ({ store }, [key = '', field = '', by = '']) => {
    const amount = needInt64(by)
    const held = store.get('hash', key)?.get(field) ?? '0'
    const sum = needInt64(held, 'ERR hash value is not an integer') + amount
    if (!inInt64(sum)) throw new ReplyError('ERR increment or decrement would overflow')
    store.getOrMake('hash', key, empty).set(field, String(sum))
    return integer(sum)
  }),
}
