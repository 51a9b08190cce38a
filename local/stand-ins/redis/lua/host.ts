import { createHash } from 'node:crypto'
import { formatG } from '../numbers.ts'
import { type Bytes, Refusal, type Reply, ReplyError } from '../reply.ts'
import { bitOperation } from './bit.ts'
import { decodeJson, encodeJson } from './json.ts'
import { pushField, pushReply } from './values.ts'
import { type LuaState, type LuaWasm, Type } from './wasm.ts'

/** Runs one command for a script; throws what it replies as an error. */
export type Call = (words: Bytes[]) => Reply

/** An error raised with the script's line in front, as Lua's own libraries do. */
class LuaError extends Error {}

/** Leaves its results on the stack and says how many. */
type HostFunction = (state: LuaState) => number

/** What scripts can reach outside Lua: the `redis`, `cjson` and `bit` functions. */
export class Host {
  /** The run's way to commands, set before each. */
  call: Call = () => null
  /** What no script may catch: a refusal, or a defect of this stand-in. */
  fatal: unknown
  readonly functions: Record<string, number>
  readonly #lua: LuaWasm

  constructor(lua: LuaWasm) {
    this.#lua = lua
    const raw: Record<string, HostFunction> = {
      call: (state) => this.#answer(state, this.call(this.#words(state))),
      pcall: (state) => this.#answer(state, this.#caught(state)),
      error_reply: (state) => this.#errorReply(state),
      status_reply: (state) => this.#statusReply(state),
      sha1hex: (state) => this.#answer(state, sha1(this.#only(state))),
      log: (state) => this.#log(state),
      encode: (state) => this.#answer(state, this.#encode(state)),
      decode: (state) => this.#decode(state),
      bit: (state) => this.#bit(state),
      refuse: (state) => {
        throw new Refusal(`${lua.read(state, 1)} is not built: a script may not use it here`)
      },
    }
    this.functions = Object.fromEntries(
      Object.entries(raw).map(([name, run]) => [name, lua.c.addFunction(this.#guard(run), 'ii')]),
    )
  }

  /** Turns what a function throws into a Lua error. Lua jumps from here, so nothing may follow. */
  #guard(run: HostFunction): HostFunction {
    return (state) => {
      try {
        return run(state)
      } catch (cause) {
        this.#pushError(state, cause)
      }
      return this.#lua.c._lua_error(state)
    }
  }

  #pushError(state: LuaState, cause: unknown): void {
    const lua = this.#lua
    if (cause instanceof LuaError) {
      lua.c._luaL_where(state, 1)
      lua.push(state, lua.read(state, -1) + cause.message)
      return
    }
    if (!(cause instanceof ReplyError)) this.fatal = cause
    pushField(lua, state, ['err', cause instanceof Error ? cause.message : String(cause)])
  }

  #answer(state: LuaState, reply: Reply): number {
    pushReply(this.#lua, state, reply)
    return 1
  }

  #words(state: LuaState): Bytes[] {
    const { c } = this.#lua
    const count = c._lua_gettop(state)
    if (count === 0) {
      throw new ReplyError('ERR Please specify at least one argument for this redis lib call')
    }
    return Array.from({ length: count }, (_, index) => {
      const type = c._lua_type(state, index + 1)
      if (type === Type.string) return this.#lua.read(state, index + 1)
      if (type === Type.number) return formatG(c._lua_tonumber(state, index + 1), 17)
      throw new ReplyError('ERR Lua redis lib command arguments must be strings or integers')
    })
  }

  #caught(state: LuaState): Reply {
    try {
      return this.call(this.#words(state))
    } catch (cause) {
      if (cause instanceof ReplyError) return cause
      throw cause
    }
  }

  #only(state: LuaState): Bytes {
    if (this.#lua.c._lua_gettop(state) !== 1) throw new ReplyError('ERR wrong number of arguments')
    return this.#lua.read(state, 1)
  }

  #isOneString(state: LuaState): boolean {
    return this.#lua.c._lua_gettop(state) === 1 && this.#lua.c._lua_type(state, 1) === Type.string
  }

  #statusReply(state: LuaState): number {
    if (!this.#isOneString(state)) return this.#answer(state, BAD_ARGUMENTS)
    pushField(this.#lua, state, ['ok', this.#lua.read(state, 1)])
    return 1
  }

  /** A text without a code gets `ERR`; a leading dash is the old way to write one with a code. */
  #errorReply(state: LuaState): number {
    if (!this.#isOneString(state)) return this.#answer(state, BAD_ARGUMENTS)
    const text = this.#lua.read(state, 1).replace(/^-/, '')
    return this.#answer(state, new ReplyError(text.includes(' ') ? text : `ERR ${text}`))
  }

  #log(state: LuaState): number {
    if (this.#lua.c._lua_gettop(state) < 2) {
      throw new ReplyError('ERR redis.log() requires two arguments or more.')
    }
    return 0
  }

  #encode(state: LuaState): Bytes {
    if (this.#lua.c._lua_gettop(state) !== 1) throw new LuaError('expected 1 argument')
    return located(() => encodeJson({ lua: this.#lua, state }))
  }

  #decode(state: LuaState): number {
    if (!this.#isOneString(state)) throw new LuaError('expected 1 argument')
    located(() => decodeJson({ lua: this.#lua, state }, this.#lua.read(state, 1)))
    return 1
  }

  #bit(state: LuaState): number {
    const { c } = this.#lua
    const args = Array.from({ length: c._lua_gettop(state) - 1 }, (_, index) =>
      c._lua_tonumber(state, index + 2),
    )
    const result = bitOperation(this.#lua.read(state, 1), args)
    return this.#answer(state, result)
  }
}

const BAD_ARGUMENTS = new ReplyError('ERR wrong number or type of arguments')

const sha1 = (bytes: Bytes): string => createHash('sha1').update(bytes, 'latin1').digest('hex')

function located<T>(run: () => T): T {
  try {
    return run()
  } catch (cause) {
    throw cause instanceof ReplyError ? new LuaError(cause.message) : cause
  }
}
