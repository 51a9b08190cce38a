import { formatG } from '../numbers.ts'
import { type Bytes, ReplyError } from '../reply.ts'
import { type LuaState, type LuaWasm, Type } from './wasm.ts'

const MAX_DEPTH = 1000
const SAFE_LENGTH = 10
const MAX_HOLES = 2
const DIGITS = 14

type Stack = { lua: LuaWasm; state: LuaState }

/** The JSON text that cjson makes of the value on top of the stack, which stays there. */
export function encodeJson(stack: Stack, depth = 0): Bytes {
  const { lua, state } = stack
  const type = lua.c._lua_type(state, -1)
  switch (type) {
    case Type.string:
      return quote(lua.read(state, -1))
    case Type.number:
      return encodeNumber(lua.c._lua_tonumber(state, -1))
    case Type.boolean:
      return lua.c._lua_toboolean(state, -1) ? 'true' : 'false'
    case Type.table:
      return encodeTable(stack, depth + 1)
    default:
      if (type === Type.nil || isNull(stack, type)) return 'null'
      throw new ReplyError(`Cannot serialise ${nameOf(type)}: type not supported`)
  }
}

const isNull = ({ lua, state }: Stack, type: number) =>
  type === Type.lightUserdata && lua.c._lua_touserdata(state, -1) === 0

const nameOf = (type: number) =>
  ['', '', 'userdata', '', '', '', 'function', 'userdata'][type] ?? 'thread'

function encodeNumber(value: number): Bytes {
  if (!Number.isFinite(value)) {
    throw new ReplyError('Cannot serialise number: must not be NaN or Inf')
  }
  return formatG(value, DIGITS)
}

function encodeTable(stack: Stack, depth: number): Bytes {
  if (depth > MAX_DEPTH) {
    throw new ReplyError(`Cannot serialise, excessive depth (${depth})`)
  }
  stack.lua.c._lua_checkstack(stack.state, 4)
  const length = arrayLength(stack)
  return length > 0 ? encodeArray(stack, length, depth) : encodeObject(stack, depth)
}

/** The greatest index if every key is one; 0 for an object, which the empty table is too. */
function arrayLength({ lua, state }: Stack): number {
  let [count, greatest] = [0, 0]
  lua.c._lua_pushnil(state)
  while (lua.c._lua_next(state, -2)) {
    lua.pop(state)
    const key = lua.c._lua_type(state, -1) === Type.number ? lua.c._lua_tonumber(state, -1) : 0
    if (!Number.isInteger(key) || key < 1) {
      lua.pop(state)
      return 0
    }
    count += 1
    greatest = Math.max(greatest, key)
  }
  if (greatest > SAFE_LENGTH && greatest > count * MAX_HOLES) {
    throw new ReplyError('Cannot serialise table: excessively sparse array')
  }
  return greatest
}

function encodeArray(stack: Stack, length: number, depth: number): Bytes {
  const items: Bytes[] = []
  for (let at = 1; at <= length; at++) {
    stack.lua.c._lua_rawgeti(stack.state, -1, at)
    items.push(encodeJson(stack, depth))
    stack.lua.pop(stack.state)
  }
  return `[${items.join(',')}]`
}

function encodeObject(stack: Stack, depth: number): Bytes {
  const { lua, state } = stack
  const members: Bytes[] = []
  lua.c._lua_pushnil(state)
  while (lua.c._lua_next(state, -2)) {
    const value = encodeJson(stack, depth)
    lua.pop(state)
    members.push(`${encodeKey(stack)}:${value}`)
  }
  return `{${members.join(',')}}`
}

function encodeKey({ lua, state }: Stack): Bytes {
  const type = lua.c._lua_type(state, -1)
  if (type === Type.string) return quote(lua.read(state, -1))
  if (type === Type.number) return `"${encodeNumber(lua.c._lua_tonumber(state, -1))}"`
  throw new ReplyError('Cannot serialise table: table key must be a number or string')
}

const SHORT_ESCAPES: Record<string, string> = {
  '\b': '\\b',
  '\t': '\\t',
  '\n': '\\n',
  '\f': '\\f',
  '\r': '\\r',
}

/** Escapes what cjson does, slash and DEL included; bytes beyond ASCII pass as they are. */
const quote = (bytes: Bytes): Bytes => `"${bytes.replace(/[\p{Cc}"\\/]/gu, escapeOf)}"`

function escapeOf(char: string): string {
  if (char === '"' || char === '\\' || char === '/') return `\\${char}`
  const code = char.charCodeAt(0)
  if (code >= 0x80) return char
  return SHORT_ESCAPES[char] ?? `\\u${code.toString(16).padStart(4, '0')}`
}

/** Leaves the value of a JSON text on the stack; null becomes the null pointer, `cjson.null`. */
export function decodeJson(stack: Stack, text: Bytes): void {
  pushJson(stack, parse(text))
}

function parse(text: Bytes): unknown {
  try {
    return JSON.parse(text.replace(/\\(?:u[dD][89abAB]..\\u....|u....|.)/g, literal))
  } catch (cause) {
    if (cause instanceof ReplyError) throw cause
    const at = /position (\d+)/.exec(String(cause))?.[1] ?? '0'
    const message = `Expected value but found invalid token at character ${Number(at) + 1}`
    throw new ReplyError(message)
  }
}

/** A numeric escape beyond ASCII as its UTF-8 bytes, since the text around it is bytes. */
function literal(escaped: string): string {
  if (escaped[1] !== 'u') return escaped
  const text = String(JSON.parse(`"${escaped}"`))
  if (!text.isWellFormed()) {
    throw new ReplyError('Expected value but found invalid unicode escape code')
  }
  return text.charCodeAt(0) < 0x80 ? escaped : Buffer.from(text, 'utf8').toString('latin1')
}

function pushJson(stack: Stack, value: unknown): void {
  const { lua, state } = stack
  lua.c._lua_checkstack(state, 4)
  if (value === null) lua.c._lua_pushlightuserdata(state, 0)
  else if (typeof value === 'string') lua.push(state, value)
  else if (typeof value === 'number') lua.c._lua_pushnumber(state, value)
  else if (typeof value === 'boolean') lua.c._lua_pushboolean(state, value ? 1 : 0)
  else pushContainer(stack, value as object)
}

function pushContainer(stack: Stack, value: object): void {
  const { lua, state } = stack
  lua.c._lua_createtable(state, 0, 0)
  if (Array.isArray(value)) {
    value.forEach((item, index) => {
      pushJson(stack, item)
      lua.c._lua_rawseti(state, -2, index + 1)
    })
    return
  }
  for (const [name, member] of Object.entries(value)) {
    lua.push(state, name)
    pushJson(stack, member)
    lua.c._lua_rawset(state, -3)
  }
}
