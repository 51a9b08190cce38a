import type { Ablation } from './ablation.ts'

const without =
  (text: string, instead = '') =>
  (script: string) =>
    script.replace(text, instead)

const noRight = "if redis.call('GET', KEYS[1]) ~= right then\n  return 'no_right'\nend"
const oldEpoch = "if tonumber(epoch) <= tonumber(redis.call('GET', KEYS[2]) or '0') then"
/** Without the right there is no life to inherit: a lease then lives as long as leases do. */
const leftOfRight = "local left = redis.call('PTTL', KEYS[1])"
const fullLife = 'local left = tonumber(began)'
const installAgain = "if redis.call('HGET', KEYS[3], 'id') == id then"

const withoutNonce = (script: string) => script.replace(noRight, '').replace(leftOfRight, fullLife)

const withoutEpoch = (script: string) =>
  script.replace(oldEpoch, 'if false then').replace(installAgain, 'if false then')

/** Guards of the scripts that Redis runs. */
export const scriptGuards = {
  'single-use install nonce': { script: withoutNonce },
  'install nonce and epoch compare': {
    script: (script: string) => withoutEpoch(withoutNonce(script)),
  },
  'epoch compare': { script: withoutEpoch },
  'one lease in the making': {
    script: without(
      "if not redis.call('SET', KEYS[1], nonce, 'NX', 'PX', mark) then",
      'if false then',
    ),
  },
  'a lease that would be over is not installed': {
    script: without('if life <= 0 then', 'if false then'),
  },
  'a right is named by its moment': {
    script: without(
      "local right = nonce .. ':' .. time[1] .. '.' .. time[2]",
      'local right = nonce',
    ),
  },
  'the life of a lease is counted from its prepare': { script: without(leftOfRight, fullLife) },
  'a lease ends with its minute': {
    script: without("redis.call('PEXPIRE', KEYS[3], string.format('%.0f', life))"),
  },
  'a lease ends with its policy day': {
    script: without('math.min(left, tonumber(day) - since)', 'left'),
  },
  'a reservation is remembered': {
    script: without("local known = redis.call('GET', KEYS[2])", 'local known = false'),
  },
  'a request id has one content': {
    script: without('if known then', 'if known and string.sub(known, 1, 36) == payment then'),
  },
  'a promise is within the maximum of a payment': {
    script: without(
      "if tonumber(amount) > tonumber(lease[7]) then return declined('payment_max') end",
    ),
  },
  'a promise goes to whom the policy allows': {
    script: without(
      "if not lists(lease[8], quote.providerId) then return declined('provider') end",
    ),
  },
  'a promise is within what is left of the lease': {
    script: without(
      "if tonumber(remaining) < tonumber(amount) then return declined('exhausted') end",
    ),
  },
  'a lease knows the keys of its agent': {
    script: without("if not lists(lease[9], ARGV[9]) then return declined('key') end"),
  },
  'a lease knows who has to sign': {
    script: without(
      "if not lists(lease[10], ARGV[10]) or (lease[10] == '*' and ARGV[10] ~= '') then",
      'if false then',
    ),
  },
  'a promise is told to its caller alone': {
    script: without("if string.sub(known, 38) ~= caller then return declined('other_caller') end"),
  },
  'a promise whose record is lost is not made anew': {
    script: (script: string) =>
      script.replace('if known then', "if known and redis.call('EXISTS', KEYS[3]) == 1 then"),
  },
  'a quote is promised by while it is fresh': {
    script: without("if now - quote.toldAt > QUOTE_LIFE then return declined('no_quote') end"),
  },
  'a promise is for an endpoint that takes payments': {
    script: without("if quote.active ~= true then return declined('endpoint') end"),
  },
  'a promise is in one currency': {
    script: without(
      "if currency ~= quote.currency or currency ~= lease[6] then return declined('currency') end",
    ),
  },
  'a promise is for a method of its endpoint': {
    script: without("if method ~= quote.method then return declined('resource') end"),
  },
  'a promise is for a resource of its endpoint': {
    script: without(
      `if url ~= quote.url and string.sub(url, 1, #below) ~= below
  and string.sub(url, 1, #quote.url + 1) ~= quote.url .. '?' then`,
      'if false then',
    ),
  },
  'a promise is of a price that counts': {
    script: without(
      "if not version or amount == '0' then return declined('price') end",
      'version = version or quote.priceVersion',
    ),
  },
  'a promise and its record are one step': {
    script: without(
      `local entry = redis.call('XADD', KEYS[4], '*', 'record', record)
local oldest = redis.call('XRANGE', KEYS[4], '-', '+', 'COUNT', 1)[1][1]`,
      "local entry, oldest = '0-0', '0-0'",
    ),
  },
  'a proof ends when it was promised to end': {
    script: without(
      "return { 'repeated', record }",
      `local lines, at = {}, 0
       for line in string.gmatch(record .. '\\n', '(.-)\\n') do at = at + 1; lines[at] = line end
       lines[17] = string.format('%.0f', now + proof_life)
       return { 'repeated', table.concat(lines, '\\n') }`,
    ),
  },
  'a record is removed after its outcome': {
    script: without(
      "return { redis.call('XLEN', KEYS[1]), redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', ARGV[1]) }",
      `local said = { redis.call('XLEN', KEYS[1]), redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', ARGV[1]) }
       for _, entry in ipairs(said[2]) do redis.call('XDEL', KEYS[1], entry[1]) end
       return said`,
    ),
  },
} satisfies Record<string, Ablation>
