/**
 * Makes a granted lease the current one of its wallet; answers 'installed' or why not.
 *
 * KEYS: 1 the install right · 2 the highest epoch installed · 3 the lease
 * ARGV: 1 the right's name · 2 the life it began with, in ms · 3 the lease's epoch · 4 how long the
 *       policy day lasted at the grant, in ms · 5 the lease's id · 6… its terms: field, value, …
 *
 * A right is used once and an epoch only rises, so in one history of this database a lease is
 * installed at most once. Its life is counted from the moment the right was taken, which was before
 * the grant: the right to issue ends with the right's own expiry, or with the policy day if that is
 * earlier. No clock is compared with another.
 * Run twice it answers 'installed' twice and installs once.
 */
export const INSTALL = `#!lua flags=allow-key-locking
local right, began, epoch, day, id = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local EPOCH_LIFE = '86400000'

if redis.call('HGET', KEYS[3], 'id') == id then
  return 'installed'
end
if redis.call('GET', KEYS[1]) ~= right then
  return 'no_right'
end
if tonumber(epoch) <= tonumber(redis.call('GET', KEYS[2]) or '0') then
  return 'old_epoch'
end

local left = redis.call('PTTL', KEYS[1])
local since = tonumber(began) - left
local life = math.min(left, tonumber(day) - since)
redis.call('DEL', KEYS[1])
if life <= 0 then
  return 'too_late'
end
redis.call('SET', KEYS[2], epoch, 'PX', EPOCH_LIFE)
redis.call('DEL', KEYS[3])
redis.call('HSET', KEYS[3], 'id', id, 'epoch', epoch, 'seq', '0', unpack(ARGV, 6))
redis.call('PEXPIRE', KEYS[3], string.format('%.0f', life))
return 'installed'
`
