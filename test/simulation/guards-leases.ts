import type { Call, State } from '../model/ledger.ts'
import type { Lease } from '../model/state.ts'
import type { Ablation } from './ablation.ts'
import type { Ask } from './database.ts'

/** Answers calls of some names as the model does in a ledger that is, for this moment, another. */
export const during =
  (names: readonly Call['name'][], change: (ledger: State) => () => void): Ask =>
  (ledger, call, model) => {
    if (!names.includes(call.name)) return model(ledger, call)
    const undo = change(ledger)
    const said = model(ledger, call)
    undo()
    return said
  }

/** Adds to one amount of each item, and takes it away again. */
export function raised<Field extends string>(
  items: Iterable<Record<Field, bigint>>,
  field: Field,
): () => void {
  const all = [...items]
  const more = 2n ** 50n
  for (const item of all) item[field] += more
  return () => {
    for (const item of all) item[field] -= more
  }
}

/** Puts one value in a field of each item, and what was there back again. */
function otherwise<Field extends string, Value>(
  items: ReadonlyMap<string, Record<Field, Value>>,
  field: Field,
  value: Value,
): () => void {
  const before = [...items.values()].map((item) => ({ item, was: item[field] }))
  for (const { item } of before) item[field] = value
  return () => {
    for (const { item, was } of before) item[field] = was
  }
}

const isGrant = (call: Call) => call.name === 'grant_x402_lease'

const newLease = (ledger: State, said: unknown): Lease | undefined =>
  ledger.leases.get((said as { lease?: { lease_id: string } }).lease?.lease_id ?? '')

const leaseOf = (call: Call, ledger: State) =>
  [...ledger.leases].find(
    ([, it]) =>
      call.name === 'grant_x402_lease' &&
      it.walletId === call.args.wallet_id &&
      it.nonce === call.args.nonce,
  )

/** Holds the limit and nothing more. */
const uncovered: Ask = (ledger, call, model) => {
  const known = ledger.leases.size
  const said = model(ledger, call)
  const lease = isGrant(call) ? newLease(ledger, said) : undefined
  const wallet = ledger.wallets.get(lease?.walletId ?? '')
  if (!lease || !wallet || ledger.leases.size === known) return said
  const half = lease.escrow - lease.limit
  lease.escrow = lease.limit
  wallet.balance += half
  wallet.daySpent -= half
  wallet.monthSpent -= half
  return said
}

/** Takes a grant that is asked for again for a new one. */
const forgetsGrants: Ask = (ledger, call, model) => {
  const [id] = leaseOf(call, ledger) ?? []
  if (id) ledger.leases.delete(id)
  return model(ledger, call)
}

/** Tells a grant again that was ended since. */
const tellsEnded: Ask = (ledger, call, model) => {
  const [, lease] = leaseOf(call, ledger) ?? []
  if (lease?.state !== 'revoked') return model(ledger, call)
  lease.state = 'open'
  const said = model(ledger, call)
  lease.state = 'revoked'
  return said
}

/** Lets the lease before go on beside the new one. */
const keepsOld: Ask = (ledger, call, model) => {
  const open = [...ledger.leases.values()].filter(({ state }) => state === 'open')
  const said = model(ledger, call)
  if (isGrant(call)) for (const lease of open) lease.state = 'open'
  return said
}

/** Lets leases go on that a call of these names ends. */
const keepsOpen =
  (...names: Call['name'][]): Ask =>
  (ledger, call, model) => {
    const open = [...ledger.leases.values()].filter(({ state }) => state === 'open')
    const said = model(ledger, call)
    if (names.includes(call.name)) for (const lease of open) lease.state = 'open'
    return said
  }

/** Notices no fork: what was paid beyond a limit, or twice under one number. */
const trustsHistories: Ask = (ledger, call, model) => {
  const before = [...ledger.leases.values()].map((lease) => ({ lease, ...lease }))
  const said = model(ledger, call)
  for (const { lease, state, forked } of before) {
    if (lease.forked && !forked) Object.assign(lease, { state, forked })
  }
  return said
}

/** Lends all that is wanted and there, whatever share of the wallet that is. */
const lendsAll: Ask = (ledger, call, model) => {
  const wallet = call.name === 'grant_x402_lease' && ledger.wallets.get(call.args.wallet_id)
  if (!wallet || call.name !== 'grant_x402_lease') return model(ledger, call)
  const half = wallet.balance / 2n
  const wanted = BigInt(call.args.wanted) < half ? call.args.wanted : String(half)
  const undo = raised([wallet], 'balance')
  const said = model(ledger, { ...call, args: { ...call.args, wanted } })
  undo()
  return said
}

const endsTooEarly: Ask = (ledger, call, model) => {
  const said = model(ledger, call)
  const lease = isGrant(call) && newLease(ledger, said)
  if (lease) lease.reclaimAfter = lease.grantedAt + 60_000
  return said
}

const neverWaits: Ask = (ledger, call, model) => {
  if (call.name === 'reclaim_x402_leases') {
    for (const { region, shard } of ledger.leases.values()) {
      ledger.watermarks.set(`${region} ${shard}`, ledger.now)
    }
  }
  return model(ledger, call)
}

/** Guards of how the ledger grants leases and takes them back. */
export const leaseGuards = {
  collateral: { ask: uncovered },
  'a grant is known by its nonce': { ask: forgetsGrants },
  'a grant that ended is not told again': { ask: tellsEnded },
  'one open lease in a region': { ask: keepsOld },
  'a grant is within the caps': {
    ask: during(['grant_x402_lease'], (ledger) => raised(ledger.policies.values(), 'dayMax')),
  },
  'a stopped wallet gets no lease': {
    ask: during(['grant_x402_lease'], (ledger) => {
      const stops = [...ledger.leaseStops]
      ledger.leaseStops.clear()
      return () => {
        for (const stop of stops) ledger.leaseStops.add(stop)
      }
    }),
  },
  'a frozen wallet gets no lease': {
    ask: during(['grant_x402_lease'], (ledger) => otherwise(ledger.wallets, 'status', 'active')),
  },
  'a suspended agent gets no lease': {
    ask: during(['grant_x402_lease'], (ledger) => otherwise(ledger.agents, 'status', 'active')),
  },
  'a wallet that pays at once gets no lease': {
    ask: during(['grant_x402_lease'], (ledger) =>
      otherwise(ledger.policies, 'settlement', 'async'),
    ),
  },
  'leases hold a share of the funds': { ask: lendsAll },
  'a change of policy ends leases': { ask: keepsOpen('put_x402_policy', 'put_x402_settlement') },
  'a freeze ends leases': { ask: keepsOpen('put_x402_wallet') },
  'a suspension ends leases': { ask: keepsOpen('put_x402_agent') },
  'a fork is noticed, and ends its lease': { ask: trustsHistories },
  'reclaim waits for the watermark': { ask: neverWaits },
  'proof life and skew before reclaim': { ask: endsTooEarly },
} satisfies Record<string, Ablation>
