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

/** Guards of the scripts that Redis runs. */
export const scriptGuards = {
  'single-use install nonce': { script: withoutNonce },
  'install nonce and epoch compare': {
    script: (script: string) =>
      withoutNonce(script)
        .replace(oldEpoch, 'if false then')
        .replace(installAgain, 'if false then'),
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
  'a promise and its record are one step': {
    script: without("redis.call('XADD', KEYS[4], '*', 'record', record)"),
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
