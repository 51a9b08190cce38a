/**
 * Takes the right to install one lease, and answers its name; nothing while another is being made.
 *
 * KEYS: 1 the mark of a lease in the making · 2 the install right
 * ARGV: 1 a fresh nonce · 2 the life of the right, in ms · 3 the life of the mark, in ms
 *
 * The right is named by the nonce and this server's clock, so that a request that is delivered
 * again, however late, makes another right and not the old one anew. A new right voids the old one.
 * Run twice at once it answers the same name.
 */
export const PREPARE = `#!lua flags=allow-key-locking
local nonce, life, mark = ARGV[1], ARGV[2], ARGV[3]

local known = redis.call('GET', KEYS[2])
if known and string.sub(known, 1, #nonce + 1) == nonce .. ':' then
  return known
end
if not redis.call('SET', KEYS[1], nonce, 'NX', 'PX', mark) then
  return false
end

local time = redis.call('TIME')
local right = nonce .. ':' .. time[1] .. '.' .. time[2]
redis.call('SET', KEYS[2], right, 'PX', life)
return right
`
