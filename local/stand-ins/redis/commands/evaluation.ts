import type { Command, Context } from '../command.ts'
import { needInteger } from '../numbers.ts'
import { type Bytes, type Reply, ReplyError } from '../reply.ts'

const evaluates = (bySha: boolean, readOnly: boolean): Command => ({
  arity: -3,
  keys: ([, count = '0', ...words]) => words.slice(0, Math.max(0, Number(count) || 0)),
  writes: !readOnly,
  notInScripts: true,
  run: (context, args) => evaluate(context, args, { bySha, readOnly }),
})

/** Commands that run a script. */
export const evaluation: Record<string, Command> = {
  EVAL: evaluates(false, false),
  EVALSHA: evaluates(true, false),
  EVAL_RO: evaluates(false, true),
  EVALSHA_RO: evaluates(true, true),
}

function evaluate(
  context: Context,
  [script = '', count = '', ...words]: Bytes[],
  { bySha, readOnly }: { bySha: boolean; readOnly: boolean },
): Reply {
  const keyCount = needInteger(count)
  if (keyCount > words.length) {
    throw new ReplyError("ERR Number of keys can't be greater than number of args")
  }
  if (keyCount < 0) throw new ReplyError("ERR Number of keys can't be negative")
  const sha = bySha ? script.toLowerCase() : context.scripts.load(script)
  return context.scripts.run(context, sha, {
    keys: words.slice(0, keyCount),
    argv: words.slice(keyCount),
    readOnly,
  })
}
