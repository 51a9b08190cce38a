import { type Command, noKeys } from '../command.ts'
import { type Bytes, OK, type Reply, ReplyError, Status, SYNTAX, wrongArity } from '../reply.ts'

const about = (arity: number, run: Command['run']): Command => ({
  arity,
  keys: noKeys,
  writes: false,
  run,
})

function onlyHow(words: Bytes[]): void {
  const [how] = words
  if (words.length > 1 || (how && !/^A?SYNC$/i.test(how))) throw new ReplyError(SYNTAX)
}

/** Commands about the server and the whole database. */
export const server: Record<string, Command> = {
  PING: about(-1, (_, words) => {
    if (words.length > 1) throw wrongArity('ping')
    return words[0] ?? new Status('PONG')
  }),
  ECHO: about(2, (_, [message = '']) => message),
  TIME: about(1, ({ store }): Reply => {
    const now = store.now()
    return [String(Math.floor(now / 1000)), String((now % 1000) * 1000)]
  }),
  DBSIZE: { ...about(1, ({ store }) => store.size()), wholeDatabase: true },
  FLUSHDB: {
    ...about(-1, ({ store }, words) => {
      onlyHow(words)
      store.clear()
      return OK
    }),
    writes: true,
    wholeDatabase: true,
  },
  SCRIPT: {
    ...about(-2, ({ scripts }, [order = '', ...words]): Reply => {
      switch (order.toUpperCase()) {
        case 'LOAD':
          if (words.length !== 1) throw wrongArity('script|load')
          return scripts.load(words[0] ?? '')
        case 'EXISTS':
          if (words.length === 0) throw wrongArity('script|exists')
          return words.map((sha) => (scripts.has(sha) ? 1 : 0))
        case 'FLUSH':
          onlyHow(words)
          scripts.flush()
          return OK
        default:
          throw new ReplyError(`ERR unknown subcommand '${order}'. Try SCRIPT HELP.`)
      }
    }),
    notInScripts: true,
  },
}
