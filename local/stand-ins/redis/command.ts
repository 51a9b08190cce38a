import { type Bytes, type Reply, ReplyError, wrongArity } from './reply.ts'
import type { Scripts } from './scripts.ts'
import type { Store } from './store.ts'

/** What a command works on. */
export type Context = { store: Store; scripts: Scripts }

export type Command = {
  /** Words with the command's name; negative means at least so many. */
  arity: number
  /** The keys among the arguments, which do not include the command's name. */
  keys: (args: Bytes[]) => Bytes[]
  writes: boolean
  /** Concerns every key there is, so no key lock can cover it. */
  wholeDatabase?: boolean
  notInScripts?: boolean
  run: (context: Context, args: Bytes[]) => Reply
}

type Run = Command['run']

export const noKeys: Command['keys'] = () => []
const firstKey: Command['keys'] = (args) => args.slice(0, 1)
export const allKeys: Command['keys'] = (args) => args

/** A command that reads its first argument, a key. */
export const reads = (arity: number, run: Run): Command => ({
  arity,
  keys: firstKey,
  writes: false,
  run,
})

/** A command that writes its first argument, a key. */
export const writes = (arity: number, run: Run): Command => ({
  arity,
  keys: firstKey,
  writes: true,
  run,
})

export const arityFits = (command: Command, words: number): boolean =>
  command.arity >= 0 ? words === command.arity : words >= -command.arity

/** Runs one command, which may throw what it replies as an error. */
export function runCommand(context: Context, command: Command, words: Bytes[]): Reply {
  if (!arityFits(command, words.length)) throw wrongArity(words[0] ?? '')
  return command.run(context, words.slice(1))
}

/** The reply of `run`, an error reply included; refusals and defects are thrown. */
export function replyOf(run: () => Reply): Reply {
  try {
    return run()
  } catch (cause) {
    if (cause instanceof ReplyError) return cause
    throw cause
  }
}

/** Walks the words after a command's fixed arguments. */
export class Words {
  readonly #words: Bytes[]
  #at = 0

  constructor(words: Bytes[]) {
    this.#words = words
  }

  get left(): number {
    return this.#words.length - this.#at
  }

  /** The next word; throws a syntax error when there is none. */
  take(): Bytes {
    const word = this.#words[this.#at]
    if (word === undefined) throw new ReplyError('ERR syntax error')
    this.#at += 1
    return word
  }

  /** Takes the next word if it is this keyword, in any case. */
  accept(keyword: string): boolean {
    if (this.#words[this.#at]?.toUpperCase() !== keyword) return false
    this.#at += 1
    return true
  }

  /** Takes the next word as an option in upper case. */
  option(): string {
    return this.take().toUpperCase()
  }

  rest(): Bytes[] {
    const rest = this.#words.slice(this.#at)
    this.#at = this.#words.length
    return rest
  }
}
