import type { Deps } from '../../functions/deps.ts'
import type { Call, State } from '../model/ledger.ts'
import type { Lease } from '../model/state.ts'
import type { Ask } from './database.ts'

/** One guard taken out: of a script, of the ledger, or of the edge. */
export type Ablation = {
  /** The script as it would be without it. */
  script?: (text: string) => string
  ask?: Ask
  deps?: (deps: Deps) => Deps
}

const without =
  (text: string, instead = '') =>
  (script: string) =>
    script.replace(text, instead)

const newLease = (ledger: State, said: unknown): Lease | undefined =>
  ledger.leases.get((said as { lease?: { lease_id: string } }).lease?.lease_id ?? '')

const records = (call: Call): Record<string, unknown>[] =>
  call.name === 'settle_x402_batch' || call.name === 'settle_x402_overdrawn'
    ? JSON.parse(call.args.records)
    : []

/** Settles a batch except for the records that `fails` names a code for. */
const failing =
  (fails: (ledger: State, record: Record<string, unknown>) => string | undefined): Ask =>
  (ledger, call, model) => {
    const all = records(call)
    if (all.length === 0) return model(ledger, call)
    const outcomes = all.map((record) => {
      const code = fails(ledger, record)
      if (code) return { outcome: 'failed', code }
      const alone = { ...call, args: { records: JSON.stringify([record]) } } as Call
      return (model(ledger, alone) as { outcomes: unknown[] }).outcomes[0]
    })
    return { as_of: Math.floor(ledger.now / 1000), outcomes }
  }

const isBoundElsewhere = (ledger: State, record: Record<string, unknown>): boolean => {
  const walletId = ledger.leases.get(String(record['lease_id']))?.walletId
  return [...ledger.payments].some(
    ([id, it]) =>
      it.walletId === walletId &&
      it.requestId === record['request_id'] &&
      id !== record['payment_id'] &&
      !it.conflict,
  )
}

const noRight = "if redis.call('GET', KEYS[1]) ~= right then\n  return 'no_right'\nend"
const oldEpoch = "if tonumber(epoch) <= tonumber(redis.call('GET', KEYS[2]) or '0') then"
/** Without the right there is no life to inherit: a lease then lives as long as leases do. */
const leftOfRight = "local left = redis.call('PTTL', KEYS[1])"
const installAgain = "if redis.call('HGET', KEYS[3], 'id') == id then"

const withoutNonce = (script: string) =>
  script.replace(noRight, '').replace(leftOfRight, 'local left = tonumber(began)')

/** Every guard that can be taken out, by name. */
export const ablations = {
  'single-use install nonce': { script: withoutNonce },
  'install nonce and epoch compare': {
    script: (script: string) =>
      withoutNonce(script)
        .replace(oldEpoch, 'if false then')
        .replace(installAgain, 'if false then'),
  },
  'reclaim waits for the watermark': {
    ask: (ledger, call, model) => {
      if (call.name === 'reclaim_x402_leases') {
        for (const { region, shard } of ledger.leases.values()) {
          ledger.watermarks.set(`${region} ${shard}`, ledger.now)
        }
      }
      return model(ledger, call)
    },
  },
  'proof life and skew before reclaim': {
    ask: (ledger, call, model) => {
      const said = model(ledger, call)
      const lease = call.name === 'grant_x402_lease' && newLease(ledger, said)
      if (lease) lease.reclaimAfter = lease.grantedAt + 60_000
      return said
    },
  },
  'a reservation is remembered': {
    script: without("local known = redis.call('GET', KEYS[2])", 'local known = false'),
  },
  'a payment is looked up before it is judged': { ask: forgetful },
  'a decline binds nothing': { ask: stubborn() },
  'unknown after a reservation that may have happened': {
    deps: (deps) => ({ ...deps, regions: deps.regions.map(presumptuous) }),
  },
  'a conflict is honoured': {
    ask: failing((ledger, record) =>
      isBoundElsewhere(ledger, record) ? 'payment_conflict' : undefined,
    ),
  },
  collateral: { ask: uncovered },
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
  'reclaimed is the fence': { ask: fenceless },
  'once per payment id': { ask: forgetsPayments },
} satisfies Record<string, Ablation>

export type Guard = keyof typeof ablations

/** Judges first and looks up afterwards: a repeat is declined for what changed since. */
function forgetful(ledger: State, call: Call, model: Parameters<Ask>[2]): unknown {
  if (call.name !== 'settle_x402_payment') return model(ledger, call)
  const known = ledger.payments.has(call.args.payment_id)
  if (!known) return model(ledger, call)
  const copy = structuredClone(ledger)
  copy.payments.delete(call.args.payment_id)
  const judged = model(copy, call) as { outcome?: string }
  return judged.outcome === 'payment' ? model(ledger, call) : judged
}

/** Stores a decline as the last word on its payment. */
function stubborn(): Ask {
  const declined = new WeakMap<State, Map<string, unknown>>()
  const isDeclined = (ledger: State, id: unknown) => declined.get(ledger)?.has(String(id))
  const fails = failing((ledger, { payment_id: id }) =>
    isDeclined(ledger, id) && !ledger.payments.has(String(id)) ? 'declined' : undefined,
  )
  return (ledger, call, model) => {
    if (call.name !== 'settle_x402_payment') return fails(ledger, call, model)
    const said = model(ledger, call) as { outcome?: string }
    if (said.outcome === 'payment') return said
    const known = declined.get(ledger) ?? new Map()
    declined.set(ledger, known.set(call.args.payment_id, said))
    return said
  }
}

/** Takes the unknown for a no. */
const presumptuous = (region: Deps['regions'][number]): Deps['regions'][number] => ({
  ...region,
  leases: {
    ...region.leases,
    async reserve(order, nowSeconds, trips) {
      const said = await region.leases.reserve(order, nowSeconds, trips)
      return said.kind === 'unknown' ? { kind: 'declined', reason: 'unavailable' } : said
    },
  },
})

/** Holds the limit and nothing more. */
function uncovered(ledger: State, call: Call, model: Parameters<Ask>[2]): unknown {
  const known = ledger.leases.size
  const said = model(ledger, call)
  const lease = call.name === 'grant_x402_lease' ? newLease(ledger, said) : undefined
  const wallet = ledger.wallets.get(lease?.walletId ?? '')
  if (!lease || !wallet || ledger.leases.size === known) return said
  const half = lease.escrow - lease.limit
  lease.escrow = lease.limit
  wallet.balance += half
  wallet.daySpent -= half
  wallet.monthSpent -= half
  return said
}

/** Settles from a lease that was reclaimed. */
function fenceless(ledger: State, call: Call, model: Parameters<Ask>[2]): unknown {
  const ended = [...ledger.leases.values()].filter(({ state }) => state === 'reclaimed')
  const before = ended.map(({ returned }) => returned)
  if (records(call).length === 0) return model(ledger, call)
  for (const lease of ended) Object.assign(lease, { state: 'revoked', returned: 0n })
  const said = model(ledger, call)
  ended.forEach((lease, index) => {
    Object.assign(lease, { state: 'reclaimed', returned: before[index] })
  })
  return said
}

/** Settles what is presented, whether or not it was settled before. */
function forgetsPayments(ledger: State, call: Call, model: Parameters<Ask>[2]): unknown {
  for (const { payment_id: id } of records(call)) ledger.payments.delete(String(id))
  return model(ledger, call)
}
