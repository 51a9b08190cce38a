/**
 * Says of each shard how many records wait in it, and which is the oldest: {count, entry or ''} a key,
 * in order.
 *
 * KEYS: the streams of the shards
 *
 * Not flagged as reading, for the reason READ is not.
 */
export const SURVEY = `#!lua flags=allow-key-locking
local waiting = {}
for at, stream in ipairs(KEYS) do
  local oldest = redis.call('XRANGE', stream, '-', '+', 'COUNT', 1)[1]
  waiting[at] = { redis.call('XLEN', stream), oldest and oldest[1] or '' }
end
return waiting
`
