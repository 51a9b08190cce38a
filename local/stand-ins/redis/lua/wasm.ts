import { Lua } from 'wasmoon-lua5.1'
import type { Bytes } from '../reply.ts'

/** The address of a Lua state. */
export type LuaState = number

/** The C functions of Lua 5.1 that are called here, as the compiled module exports them. */
type Exports = {
  HEAPU8: Uint8Array
  HEAPU32: Uint32Array
  _malloc(bytes: number): number
  _free(address: number): void
  addFunction(run: (state: LuaState) => number, signature: string): number
  _luaL_newstate(): LuaState
  _luaL_openlibs(state: LuaState): void
  _luaL_loadbuffer(state: LuaState, text: number, bytes: number, name: number): number
  _luaL_ref(state: LuaState, table: number): number
  _luaL_where(state: LuaState, level: number): void
  _lua_checkstack(state: LuaState, more: number): number
  _lua_close(state: LuaState): void
  _lua_createtable(state: LuaState, array: number, record: number): void
  _lua_error(state: LuaState): number
  _lua_gettop(state: LuaState): number
  _lua_next(state: LuaState, index: number): number
  _lua_pcall(state: LuaState, args: number, results: number, handler: number): number
  _lua_pushboolean(state: LuaState, value: number): void
  _lua_pushcclosure(state: LuaState, run: number, upvalues: number): void
  _lua_pushlightuserdata(state: LuaState, address: number): void
  _lua_pushlstring(state: LuaState, text: number, bytes: number): void
  _lua_pushnil(state: LuaState): void
  _lua_pushnumber(state: LuaState, value: number): void
  _lua_pushvalue(state: LuaState, index: number): void
  _lua_rawget(state: LuaState, index: number): void
  _lua_rawgeti(state: LuaState, index: number, at: number): void
  _lua_rawset(state: LuaState, index: number): void
  _lua_rawseti(state: LuaState, index: number, at: number): void
  _lua_replace(state: LuaState, index: number): void
  _lua_settop(state: LuaState, index: number): void
  _lua_toboolean(state: LuaState, index: number): number
  _lua_tolstring(state: LuaState, index: number, length: number): number
  _lua_tonumber(state: LuaState, index: number): number
  _lua_touserdata(state: LuaState, index: number): number
  _lua_type(state: LuaState, index: number): number
}

export const REGISTRY = -10000
export const GLOBALS = -10002

/** `lua_type`. */
export const Type = {
  nil: 0,
  boolean: 1,
  lightUserdata: 2,
  number: 3,
  string: 4,
  table: 5,
  function: 6,
  userdata: 7,
  thread: 8,
} as const

const SCRATCH_BYTES = 64 * 1024
const SHORT = 48

/**
 * The C interface of a real Lua 5.1, with strings as bytes.
 *
 * The package's own bridge reads strings only up to a zero byte, and leaks with each text it
 * runs; its module underneath does neither.
 */
export class LuaWasm {
  readonly c: Exports
  readonly #scratch: number
  readonly #length: number

  private constructor(c: Exports) {
    this.c = c
    this.#scratch = c._malloc(SCRATCH_BYTES)
    this.#length = c._malloc(4)
  }

  static async load(): Promise<LuaWasm> {
    const lua = await Lua.create()
    return new LuaWasm(lua.luaApi.module as unknown as Exports)
  }

  push(state: LuaState, bytes: Bytes): void {
    this.#withCopy(bytes, (address) => this.c._lua_pushlstring(state, address, bytes.length))
  }

  /** The string, or the number as text, at `index`; a number is turned into text in place. */
  read(state: LuaState, index: number): Bytes {
    const address = this.c._lua_tolstring(state, index, this.#length)
    const length = this.c.HEAPU32[this.#length >> 2] ?? 0
    const heap = this.c.HEAPU8
    if (length > SHORT) return Buffer.from(heap.buffer, address, length).toString('latin1')
    let text = ''
    for (let i = 0; i < length; i++) text += String.fromCharCode(heap[address + i] ?? 0)
    return text
  }

  /** Compiles `source`, leaving the function or the error's text on the stack. */
  compile(state: LuaState, source: Bytes, name: string): boolean {
    this.push(state, `${name}\0`)
    const nameAddress = this.c._lua_tolstring(state, -1, 0)
    const failed = this.#withCopy(source, (address) =>
      this.c._luaL_loadbuffer(state, address, source.length, nameAddress),
    )
    this.c._lua_replace(state, -2)
    return failed === 0
  }

  pop(state: LuaState, count = 1): void {
    this.c._lua_settop(state, -count - 1)
  }

  #withCopy<T>(bytes: Bytes, use: (address: number) => T): T {
    const big = bytes.length > SCRATCH_BYTES
    const address = big ? this.c._malloc(bytes.length) : this.#scratch
    if (bytes.length > SHORT) Buffer.from(bytes, 'latin1').copy(this.c.HEAPU8, address)
    else for (let i = 0; i < bytes.length; i++) this.c.HEAPU8[address + i] = bytes.charCodeAt(i)
    const result = use(address)
    if (big) this.c._free(address)
    return result
  }
}
