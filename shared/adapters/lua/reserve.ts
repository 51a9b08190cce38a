/**
 * Reserves a payment from its wallet's lease, once; or says why that is for the ledger to decide.
 *
 * KEYS: 1 the lease · 2 the request · 3 the payment · 4 the stream of the wallet's shard
 *       5 the endpoint's quote
 * ARGV: 1 payment id · 2 wallet id · 3 request id · 4 endpoint id · 5 amount · 6 currency · 7 method
 *       8 resource, or '' · 9 hash of the caller's key · 10 thumbprint of the key that signed, or ''
 *       11 now, in unix seconds · 12 the life of the proof, in s · 13 how long to remember, in ms
 *
 * Answers {'reserved', record, remaining, life of the lease in ms, age of the stream's oldest record
 * in ms}; {'repeated', record} when this caller reserved this payment before; {'conflict'} when this
 * caller's request id has other content; or {'declined', reason}, having changed nothing. The record
 * is what the stream, the request and the payment keep, all at once or not at all: lines, the first
 * of which is its version. See shared/protocol/lease-record.ts.
 *
 * Amounts are digits below 2^53. A Lua number holds each of them exactly, and the difference of two;
 * they are written with '%.0f', since tostring would round them to 14 digits.
 */
export const RESERVE = `#!lua flags=allow-key-locking
local payment, wallet, request, endpoint = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local amount, currency, method, resource = ARGV[5], ARGV[6], ARGV[7], ARGV[8]
local caller = ARGV[9] .. '\\n' .. ARGV[10]
local now, proof_life, memory = tonumber(ARGV[11]), tonumber(ARGV[12]), ARGV[13]
local CLOCK_SKEW, QUOTE_LIFE, PRICE_GRACE = 30, 60, 60

local function declined(reason) return { 'declined', reason } end
local function digits(number) return string.format('%.0f', number) end
local function lists(list, item)
  if list == '*' then return true end
  return item ~= '' and string.find(',' .. list .. ',', ',' .. item .. ',', 1, true) ~= nil
end

local known = redis.call('GET', KEYS[2])
if known then
  if string.sub(known, 38) ~= caller then return declined('other_caller') end
  if string.sub(known, 1, 36) ~= payment then return { 'conflict' } end
  local record = redis.call('GET', KEYS[3])
  if not record then return declined('record_lost') end
  return { 'repeated', record }
end

local lease = redis.call('HMGET', KEYS[1], 'id', 'epoch', 'seq', 'remaining', 'agent', 'currency',
  'payment_max', 'providers', 'key_hashes', 'thumbprints')
local id, epoch, seq, remaining, agent = lease[1], lease[2], lease[3], lease[4], lease[5]
if not id then return declined('no_lease') end
if not lists(lease[9], ARGV[9]) then return declined('key') end
if not lists(lease[10], ARGV[10]) or (lease[10] == '*' and ARGV[10] ~= '') then
  return declined('signer')
end

local told = redis.call('GET', KEYS[5])
if not told then return declined('no_quote') end
local quote = cjson.decode(told)
if now - quote.toldAt > QUOTE_LIFE then return declined('no_quote') end
if quote.active ~= true then return declined('endpoint') end
if currency ~= quote.currency or currency ~= lease[6] then return declined('currency') end
if method ~= quote.method then return declined('resource') end

local url = resource
if url == '' then url = quote.url end
local below = quote.url
if string.sub(below, -1) ~= '/' then below = below .. '/' end
if url ~= quote.url and string.sub(url, 1, #below) ~= below
  and string.sub(url, 1, #quote.url + 1) ~= quote.url .. '?' then
  return declined('resource')
end

-- A price counts only where the ledger's clock, which may differ, surely agrees.
local version, following = nil, quote.next
if following == cjson.null then following = nil end
if amount == quote.amount then
  if not following or now < following.validFrom + PRICE_GRACE - CLOCK_SKEW then
    version = quote.priceVersion
  end
elseif following and amount == following.amount and now >= following.validFrom + CLOCK_SKEW then
  version = following.priceVersion
end
if not version or amount == '0' then return declined('price') end
if tonumber(amount) > tonumber(lease[7]) then return declined('payment_max') end
if not lists(lease[8], quote.providerId) then return declined('provider') end
if tonumber(remaining) < tonumber(amount) then return declined('exhausted') end

remaining = digits(tonumber(remaining) - tonumber(amount))
seq = digits(tonumber(seq) + 1)
local record = table.concat({ '1', payment, wallet, agent, request, endpoint, quote.providerId,
  amount, currency, digits(version), method, url, id, epoch, seq, digits(now),
  digits(now + proof_life), ARGV[9], ARGV[10] }, '\\n')
redis.call('HSET', KEYS[1], 'remaining', remaining, 'seq', seq)
redis.call('SET', KEYS[2], payment .. '\\n' .. caller, 'PX', memory)
redis.call('SET', KEYS[3], record, 'PX', memory)
local entry = redis.call('XADD', KEYS[4], '*', 'record', record)
local oldest = redis.call('XRANGE', KEYS[4], '-', '+', 'COUNT', 1)[1][1]
local function moment(id) return tonumber(string.match(id, '^%d+')) end
local age = moment(entry) - moment(oldest)
return { 'reserved', record, remaining, redis.call('PTTL', KEYS[1]), age }
`
