/**
 * Moves one record out of its shard to where people look at it; answers 1, or 0 when it is gone.
 *
 * KEYS: 1 the stream of the shard · 2 the stream of what was moved aside
 * ARGV: 1 the entry's id · 2 why, in one word
 *
 * Run twice it moves once.
 */
export const QUARANTINE = `#!lua flags=allow-key-locking
local id, reason = ARGV[1], ARGV[2]
local entry = redis.call('XRANGE', KEYS[1], id, id)[1]
if not entry then
  return 0
end
redis.call('XADD', KEYS[2], '*', 'shard', KEYS[1], 'entry', id, 'reason', reason, unpack(entry[2]))
redis.call('XDEL', KEYS[1], id)
return 1
`
