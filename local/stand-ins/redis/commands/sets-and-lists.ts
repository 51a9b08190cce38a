import { type Command, type Context, reads, writes } from '../command.ts'
import { needInteger } from '../numbers.ts'
import { span } from '../ranges.ts'
import { type Bytes, OK } from '../reply.ts'

const pushes = (onto: (list: Bytes[], values: Bytes[]) => void): Command =>
  writes(-3, ({ store }, [key = '', ...values]) => {
    const list = store.getOrMake('list', key, () => [])
    onto(list, values)
    return list.length
  })

/** Set and list commands. */
export const setsAndLists: Record<string, Command> = {
  SADD: writes(-3, ({ store }, [key = '', ...members]) => {
    const set = store.getOrMake('set', key, () => new Set())
    const before = set.size
    for (const member of members) set.add(member)
    return set.size - before
  }),
  SREM: writes(-3, ({ store }, [key = '', ...members]) => {
    const set = store.get('set', key)
    if (!set) return 0
    const removed = members.filter((member) => set.delete(member)).length
    if (set.size === 0) store.delete(key)
    return removed
  }),
  SISMEMBER: reads(3, ({ store }, [key = '', member = '']) =>
    store.get('set', key)?.has(member) ? 1 : 0,
  ),
  SMEMBERS: reads(2, ({ store }, [key = '']) => [...(store.get('set', key) ?? [])]),
  LPUSH: pushes((list, values) => list.unshift(...values.reverse())),
  RPUSH: pushes((list, values) => list.push(...values)),
  LRANGE: reads(4, (context, args) => window(context, args) ?? []),
  LTRIM: writes(4, (context, args) => {
    const [key = ''] = args
    const kept = window(context, args)
    if (kept?.length === 0) context.store.delete(key)
    else if (kept) context.store.replace('list', key, kept)
    return OK
  }),
}

function window({ store }: Context, [key = '', from = '', to = '']: Bytes[]) {
  const [first, last] = [needInteger(from), needInteger(to)]
  const list = store.get('list', key)
  return list?.slice(...span(list.length, first, last))
}
