import { type Bytes, Refusal, type Reply, ReplyError } from '../reply.ts'
import { type Call, Host } from './host.ts'
import { PRELUDE } from './prelude.ts'
import { oneLine, popReply, pushArray, stringField } from './values.ts'
import { GLOBALS, type LuaState, LuaWasm, REGISTRY, Type } from './wasm.ts'
import { WIDE } from './wide.ts'

/** What one run of a script is given. */
export type Run = { keys: Bytes[]; argv: Bytes[]; call: Call }

/** A Lua state is thrown away after so many runs, and every script in it compiled anew. */
const RUNS_PER_STATE = 20_000

/** Runs scripts in a true Lua 5.1, each compiled once. One run at a time, to its end. */
export class LuaMachine {
  readonly #lua: LuaWasm
  readonly #host: Host
  readonly #compiled = new Map<string, number>()
  #state: LuaState = 0
  #globals = 0
  #handler = 0
  #runs = 0

  private constructor(lua: LuaWasm) {
    this.#lua = lua
    this.#host = new Host(lua)
    this.#open()
  }

  static async start(): Promise<LuaMachine> {
    return new LuaMachine(await LuaWasm.load())
  }

  /** Compiles a script under its hash; throws Redis's error for one that does not parse. */
  compile(sha: string, source: Bytes): void {
    if (this.#compiled.has(sha)) return
    const { c } = this.#lua
    if (!this.#lua.compile(this.#state, source, '@user_script')) {
      const problem = this.#lua.read(this.#state, -1)
      this.#lua.pop(this.#state)
      throw new ReplyError(`ERR Error compiling script (new function): ${problem}`)
    }
    this.#compiled.set(sha, c._luaL_ref(this.#state, REGISTRY))
  }

  /** Runs a compiled script; an error it ends in is returned with its hash and line. */
  run(sha: string, source: Bytes, run: Run): Reply {
    if (++this.#runs > RUNS_PER_STATE) this.#open()
    this.compile(sha, source)
    const { c } = this.#lua
    const state = this.#state
    this.#host.call = run.call
    this.#host.fatal = undefined
    this.#setGlobal('KEYS', run.keys)
    this.#setGlobal('ARGV', run.argv)
    c._lua_rawgeti(state, REGISTRY, this.#handler)
    c._lua_rawgeti(state, REGISTRY, this.#compiled.get(sha) ?? 0)
    const failed = c._lua_pcall(state, 0, 1, 1) !== 0
    try {
      if (this.#host.fatal !== undefined) throw this.#host.fatal
      return failed ? this.#error(sha) : popReply(this.#lua, state)
    } finally {
      c._lua_settop(state, 0)
    }
  }

  #error(sha: string): ReplyError {
    const state = this.#state
    if (this.#lua.c._lua_type(state, -1) !== Type.table) {
      return new ReplyError(`ERR Error running script ${sha}, ${this.#lua.read(state, -1)}`)
    }
    const message = stringField(this.#lua, state, 'err')
    if (message === undefined) {
      throw new Refusal('an error table without err ends a real Redis 7.0; it is not run here')
    }
    const source = stringField(this.#lua, state, 'source')
    const line = stringField(this.#lua, state, 'line')
    const place = source && line ? ` script: ${sha}, on ${source}:${line}.` : ''
    return new ReplyError(oneLine(message) + place)
  }

  #setGlobal(name: string, values: Bytes[]): void {
    const { c } = this.#lua
    c._lua_rawgeti(this.#state, REGISTRY, this.#globals)
    this.#lua.push(this.#state, name)
    pushArray(this.#lua, this.#state, values)
    c._lua_rawset(this.#state, -3)
    this.#lua.pop(this.#state)
  }

  #open(): void {
    const { c } = this.#lua
    if (this.#state) c._lua_close(this.#state)
    this.#compiled.clear()
    this.#runs = 0
    const state = c._luaL_newstate()
    this.#state = state
    c._luaL_openlibs(state)
    this.#runOwn(WIDE, 1)
    this.#runOwn(PRELUDE, 3)
    this.#handler = c._luaL_ref(state, REGISTRY)
    c._lua_replace(state, GLOBALS)
    this.#globals = c._luaL_ref(state, REGISTRY)
    c._lua_settop(state, 0)
  }

  /** Calls one of our own chunks with the host and what the chunk before left on the stack. */
  #runOwn(source: string, results: number): void {
    const { c } = this.#lua
    const state = this.#state
    const given = c._lua_gettop(state)
    if (!this.#lua.compile(state, source, '=prelude')) throw this.#defect()
    this.#pushHost(state)
    for (let at = 1; at <= given; at++) c._lua_pushvalue(state, at)
    if (c._lua_pcall(state, given + 1, results, 0) !== 0) throw this.#defect()
  }

  #pushHost(state: LuaState): void {
    const { c } = this.#lua
    c._lua_createtable(state, 0, 16)
    for (const [name, run] of Object.entries(this.#host.functions)) {
      this.#lua.push(state, name)
      c._lua_pushcclosure(state, run, 0)
      c._lua_rawset(state, -3)
    }
    this.#lua.push(state, 'null')
    c._lua_pushlightuserdata(state, 0)
    c._lua_rawset(state, -3)
  }

  #defect(): Error {
    return new Error(`the Lua prelude failed: ${this.#lua.read(this.#state, -1)}`)
  }
}
