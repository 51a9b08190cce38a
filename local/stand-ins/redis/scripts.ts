import { hash } from 'node:crypto'
import { arityFits, type Command, type Context } from './command.ts'
import type { LuaMachine } from './lua/machine.ts'
import { type Bytes, Refusal, type Reply, ReplyError } from './reply.ts'
import { type ParsedScript, parseScript } from './script-header.ts'

export type ScriptCall = { keys: Bytes[]; argv: Bytes[]; readOnly: boolean }

/** The hash a script is known by: of the text as it was sent, its first line included. */
export const shaOf = (text: Bytes): string => hash('sha1', Buffer.from(text, 'latin1'))

/** The script cache: what was loaded or run once can be run by its hash until a flush. */
export class Scripts {
  /** Commands that scripts ran so far. */
  ran = 0
  readonly #machine: LuaMachine
  readonly #commands: ReadonlyMap<string, Command>
  readonly #known = new Map<string, ParsedScript>()

  constructor(machine: LuaMachine, commands: ReadonlyMap<string, Command>) {
    this.#machine = machine
    this.#commands = commands
  }

  load(text: Bytes): string {
    const sha = shaOf(text)
    if (this.#known.has(sha)) return sha
    const script = parseScript(text)
    this.#machine.compile(sha, script.body)
    this.#known.set(sha, script)
    return sha
  }

  has(sha: string): boolean {
    return this.#known.has(sha.toLowerCase())
  }

  flush(): void {
    this.#known.clear()
  }

  run(context: Context, sha: string, call: ScriptCall): Reply {
    const script = this.#known.get(sha)
    if (!script) throw new ReplyError('NOSCRIPT No matching script. Please use EVAL.')
    const { flags } = script
    if (call.readOnly && flags.declared && !flags.noWrites) {
      throw new ReplyError('ERR Can not execute a script with write flag using *_ro command.')
    }
    const bounds: Bounds = {
      readOnly: call.readOnly || flags.noWrites,
      declared: flags.keyLocking ? new Set(call.keys) : undefined,
    }
    return context.store.atOneMoment(() =>
      this.#machine.run(sha, script.body, {
        keys: call.keys,
        argv: call.argv,
        call: (words) => this.#command(context, bounds, words),
      }),
    )
  }

  #command(context: Context, bounds: Bounds, words: Bytes[]): Reply {
    const [name = '', ...args] = words
    const command = this.#commands.get(name.toUpperCase())
    if (!command) throw new Refusal(`the command ${name} is not built`)
    if (command.notInScripts) {
      throw new ReplyError('ERR This Redis command is not allowed from script')
    }
    if (!arityFits(command, words.length)) {
      throw new ReplyError('ERR Wrong number of args calling Redis command from script')
    }
    if (bounds.readOnly && command.writes) {
      throw new ReplyError('ERR Write commands are not allowed from read-only scripts.')
    }
    if (bounds.declared) checkDeclared(bounds.declared, command, args)
    this.ran += 1
    return command.run(context, args)
  }
}

type Bounds = { readOnly: boolean; declared: Set<Bytes> | undefined }

/** Under key locking a script may touch its KEYS only, and nothing that spans the database. */
function checkDeclared(declared: Set<Bytes>, command: Command, args: Bytes[]): void {
  if (command.wholeDatabase) {
    throw new ReplyError('ERR Script with allow-key-locking may not run a database-wide command')
  }
  const other = command.keys(args).find((key) => !declared.has(key))
  if (other !== undefined) {
    throw new ReplyError(`ERR Script with allow-key-locking touched an undeclared key: '${other}'`)
  }
}
