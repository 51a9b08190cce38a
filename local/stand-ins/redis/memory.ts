import type { MovableClock } from '../../clock.ts'
import type { Backend } from './backend.ts'
import { arityFits, type Command, type Context, replyOf, runCommand } from './command.ts'
import { commands } from './commands/all.ts'
import { LuaMachine } from './lua/machine.ts'
import { type Bytes, Refusal, type Reply, ReplyError } from './reply.ts'
import { Scripts } from './scripts.ts'
import { Store } from './store.ts'

/** A Redis in this process, whose keys expire by `clock`. */
export async function memoryBackend(clock: MovableClock): Promise<Backend> {
  const store = new Store(clock)
  const scripts = new Scripts(await LuaMachine.start(), commands)
  const context: Context = { store, scripts }
  return {
    run: async (words) => replyOf(() => runCommand(context, commandOf(words), words)),
    transaction: async (queue) => transaction(context, queue),
    commandsInScripts: () => scripts.ran,
    reset: async () => {
      store.clear()
      scripts.flush()
    },
    snapshot: () => store.snapshot(),
    restore: (id) => store.restore(id),
    stop: async () => undefined,
  }
}

/** One word that does not fit its command discards the whole; an error while running does not. */
function transaction(context: Context, queue: Bytes[][]): Reply[] | ReplyError {
  const planned = queue.map((words) => ({ words, command: commandOf(words) }))
  if (planned.some(({ words, command }) => !arityFits(command, words.length))) {
    return new ReplyError('EXECABORT Transaction discarded because of previous errors.')
  }
  return context.store.atOneMoment(() =>
    planned.map(({ words, command }) => replyOf(() => runCommand(context, command, words))),
  )
}

function commandOf(words: Bytes[]): Command {
  const command = commands.get((words[0] ?? '').toUpperCase())
  if (!command) throw new Refusal(`the command ${words[0]} is not built`)
  return command
}
