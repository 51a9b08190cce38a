/**
 * Lets scripts format and read integers beyond 32 bits, as on a 64-bit server.
 *
 * This Lua's numbers are doubles like everywhere, but the C it was compiled from has 32-bit longs.
 * Called with `host`; changes `string.format`, answers `tonumber`. What stays narrow is refused.
 */
export const WIDE = `
local host = ...
local format, tonumber, ceil, floor = string.format, tonumber, math.ceil, math.floor

local function wide(value)
  local number = tonumber(value)
  return number and (number >= 2^31 or number < -2^31) and number
end

local function anyWide(args, count)
  for at = 1, count do
    if wide(args[at]) then return true end
  end
end

function string.format(pattern, ...)
  local args, count = { ... }, select('#', ...)
  if not anyWide(args, count) then return format(pattern, ...) end
  local at = 0
  local widened = pattern:gsub('%%([-+ #0%d.]*)(.)', function(flags, kind)
    if kind == '%' then return nil end
    at = at + 1
    local number = ('cdiouxX'):find(kind, 1, true) and wide(args[at])
    if not number then return nil end
    if not ('di'):find(kind, 1, true) or flags:find('.', 1, true) or number ~= number
      or number >= 2^63 or number < -2^63 then
      host.refuse('string.format of so large a number as %' .. flags .. kind)
    end
    args[at] = number < 0 and ceil(number) or floor(number)
    return '%' .. flags .. '.0f'
  end)
  return format(widened, unpack(args, 1, count))
end

return function(value, base)
  if base == nil or base == 10 then return tonumber(value) end
  local narrow = tonumber(value, base)
  if narrow == nil or narrow < 2^31 then return narrow end
  local digits = tostring(value):match(base == 16 and '^%s*0?[xX]?(%w+)%s*$' or '^%s*(%w+)%s*$')
  if not digits or #digits > 12 then host.refuse('tonumber of so large a number') end
  local sum = 0
  for digit in digits:gmatch('.') do sum = sum * base + tonumber(digit, 36) end
  return sum
end
`
