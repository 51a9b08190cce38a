/**
 * Says of each shard how many records wait in it: one number a key, in order.
 *
 * KEYS: the streams of the shards
 *
 * Not flagged as reading, for the reason READ is not.
 */
export const SURVEY = `#!lua flags=allow-key-locking
local waiting = {}
for at, stream in ipairs(KEYS) do
  waiting[at] = redis.call('XLEN', stream)
end
return waiting
`
