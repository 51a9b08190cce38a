/**
 * Makes the world a script sees, out of Lua's own libraries and the functions of `host`.
 *
 * Called with `host` and the `tonumber` of WIDE; answers the globals (whose KEYS and ARGV are set
 * before each call), the read-only face of them, and the error handler.
 */
export const PRELUDE = `
local host, wide_tonumber = ...
local getinfo, rawpcall, rawset0 = debug.getinfo, pcall, rawset
local locked = setmetatable({}, { __mode = 'k' })

local function readonly(from, missing)
  local face = setmetatable({}, {
    __index = missing and setmetatable(from, { __index = missing }) or from,
    __newindex = function() error('Attempt to modify a readonly table', 2) end,
    __metatable = false,
  })
  locked[face] = true
  return face
end

local function refusing(library, names)
  return function(_, name)
    if names:find(name, 1, true) then host.refuse(library .. '.' .. name) end
  end
end

local redis = {
  call = host.call, pcall = host.pcall, sha1hex = host.sha1hex, log = host.log,
  error_reply = host.error_reply, status_reply = host.status_reply,
  LOG_DEBUG = 0, LOG_VERBOSE = 1, LOG_NOTICE = 2, LOG_WARNING = 3,
}
local cjson = { encode = host.encode, decode = host.decode, null = host.null }
local bit = {}
for name in ('tobit tohex bnot bswap band bor bxor lshift rshift arshift rol ror'):gmatch('%S+') do
  bit[name] = function(...) return host.bit(name, ...) end
end

local globals = { tonumber = wide_tonumber }
for name in ([[
  _VERSION assert collectgarbage coroutine error gcinfo getmetatable ipairs load loadstring next
  pairs rawequal rawget select setmetatable tostring type unpack xpcall
]]):gmatch('%S+') do
  globals[name] = _G[name]
end

-- A caught redis.call gives its text, not its table.
local function caught(ok, first, ...)
  if not ok and type(first) == 'table' and type(rawget(first, 'err')) == 'string' then
    return ok, first.err
  end
  return ok, first, ...
end
function globals.pcall(run, ...) return caught(rawpcall(run, ...)) end

function globals.rawset(table, key, value)
  if locked[table] then error('Attempt to modify a readonly table') end
  return rawset0(table, key, value)
end

local math = {}
for name, value in pairs(_G.math) do math[name] = value end
math.random, math.randomseed = nil, nil

local REDIS_UNBUILT = 'REDIS_VERSION REDIS_VERSION_NUM REPL_ALL REPL_AOF REPL_NONE REPL_REPLICA ' ..
  'REPL_SLAVE acl_check_cmd breakpoint debug replicate_commands set_repl setresp'
local CJSON_UNBUILT = 'decode_invalid_numbers decode_max_depth encode_invalid_numbers ' ..
  'encode_keep_buffer encode_max_depth encode_number_precision encode_sparse_array new'
local CMSGPACK = 'pack unpack unpack_one unpack_limit'
local STRUCT = 'pack unpack size'

globals.redis = readonly(redis, refusing('redis', REDIS_UNBUILT))
globals.cjson = readonly(cjson, refusing('cjson', CJSON_UNBUILT))
globals.cmsgpack = readonly({}, refusing('cmsgpack', CMSGPACK))
globals.struct = readonly({}, refusing('struct', STRUCT))
globals.math = readonly(math, refusing('math', 'random randomseed'))
globals.bit, globals.string, globals.table = readonly(bit), readonly(string), readonly(table)

local face = readonly(globals, function(_, name)
  error("Script attempted to access nonexistent global variable '" .. tostring(name) .. "'", 2)
end)
globals._G = face

local function handler(err)
  local level = 2
  local info = getinfo(level, 'Sl')
  while info and info.source ~= '@user_script' do
    level = level + 1
    info = getinfo(level, 'Sl')
  end
  if type(err) ~= 'table' then err = { err = 'ERR ' .. tostring(err) } end
  if info then err.source, err.line = info.source, tostring(info.currentline) end
  return err
end

return globals, face, handler
`
