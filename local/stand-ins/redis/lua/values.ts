import { truncate } from '../numbers.ts'
import { type Bytes, Refusal, type Reply, ReplyError, Status } from '../reply.ts'
import { type LuaState, type LuaWasm, Type } from './wasm.ts'

/** Leaves a reply on the stack as a script sees it: nil replies are false, integers doubles. */
export function pushReply(lua: LuaWasm, state: LuaState, reply: Reply): void {
  lua.c._lua_checkstack(state, 4)
  if (reply === null) lua.c._lua_pushboolean(state, 0)
  else if (typeof reply === 'string') lua.push(state, reply)
  else if (Array.isArray(reply)) pushArray(lua, state, reply)
  else if (reply instanceof Status) pushField(lua, state, ['ok', reply.text])
  else if (reply instanceof ReplyError) pushField(lua, state, ['err', reply.message])
  else lua.c._lua_pushnumber(state, Number(reply))
}

export function pushArray(lua: LuaWasm, state: LuaState, items: Reply[]): void {
  lua.c._lua_createtable(state, items.length, 0)
  items.forEach((item, index) => {
    pushReply(lua, state, item)
    lua.c._lua_rawseti(state, -2, index + 1)
  })
}

/** Leaves a table with one string field on the stack. */
export function pushField(lua: LuaWasm, state: LuaState, [name, value]: [Bytes, Bytes]): void {
  lua.c._lua_createtable(state, 0, 1)
  lua.push(state, name)
  lua.push(state, value)
  lua.c._lua_rawset(state, -3)
}

/** The string field of the table on top of the stack, if it has one. */
export function stringField(lua: LuaWasm, state: LuaState, name: Bytes): Bytes | undefined {
  lua.push(state, name)
  lua.c._lua_rawget(state, -2)
  const found = lua.c._lua_type(state, -1) === Type.string ? lua.read(state, -1) : undefined
  lua.pop(state)
  return found
}

/** Statuses and errors are lines on the wire, and C strings on their way there. */
export const oneLine = (text: Bytes): Bytes => (text.split('\0')[0] ?? '').replace(/[\r\n]/g, ' ')

const LIMIT = 200

/** Takes the value on top of the stack as a script's answer: fractions go, arrays end at nil. */
export function popReply(lua: LuaWasm, state: LuaState, depth = 0): Reply {
  if (depth > LIMIT || !lua.c._lua_checkstack(state, 4)) {
    lua.pop(state)
    return new ReplyError('ERR reached lua stack limit')
  }
  const reply = readReply(lua, state, depth)
  lua.pop(state)
  return reply
}

function readReply(lua: LuaWasm, state: LuaState, depth: number): Reply {
  switch (lua.c._lua_type(state, -1)) {
    case Type.string:
      return lua.read(state, -1)
    case Type.number:
      return truncate(lua.c._lua_tonumber(state, -1))
    case Type.boolean:
      return lua.c._lua_toboolean(state, -1) ? 1 : null
    case Type.table:
      return readTable(lua, state, depth)
    default:
      return null
  }
}

function readTable(lua: LuaWasm, state: LuaState, depth: number): Reply {
  const error = stringField(lua, state, 'err')
  if (error !== undefined) return new ReplyError(oneLine(error))
  const status = stringField(lua, state, 'ok')
  if (status !== undefined) return new Status(oneLine(status))

  const items: Reply[] = []
  for (let at = 1; ; at++) {
    lua.c._lua_rawgeti(state, -1, at)
    if (lua.c._lua_type(state, -1) === Type.nil) break
    items.push(popReply(lua, state, depth + 1))
  }
  lua.pop(state)
  if (items.length === 0) refuseResp3(lua, state)
  return items
}

/** Tables that RESP3 gives a meaning are answered by Redis in a way not built here. */
function refuseResp3(lua: LuaWasm, state: LuaState): void {
  for (const name of ['double', 'map', 'set', 'big_number', 'verbatim_string']) {
    lua.push(state, name)
    lua.c._lua_rawget(state, -2)
    const meant = lua.c._lua_type(state, -1) !== Type.nil
    lua.pop(state)
    if (meant) throw new Refusal(`a script that answers { ${name} = … } is not built`)
  }
}
