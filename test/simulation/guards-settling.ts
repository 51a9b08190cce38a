import type { Call, State } from '../model/ledger.ts'
import type { Ablation } from './ablation.ts'
import type { Ask } from './database.ts'
import { during, raised } from './guards-leases.ts'

const BATCHES = ['settle_x402_batch', 'settle_x402_overdrawn'] as const

type Told = Record<string, unknown>

const records = (call: Call): Told[] =>
  call.name === 'settle_x402_batch' || call.name === 'settle_x402_overdrawn'
    ? JSON.parse(call.args.records)
    : []

/** Settles a batch except for the records that `fails` names a code for. */
const failing =
  (fails: (ledger: State, record: Told) => string | undefined): Ask =>
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

const walletOf = (ledger: State, record: Told) =>
  ledger.leases.get(String(record['lease_id']))?.walletId ?? ''

const isBoundElsewhere = (ledger: State, record: Told): boolean =>
  [...ledger.payments].some(
    ([id, it]) =>
      it.walletId === walletOf(ledger, record) &&
      it.requestId === record['request_id'] &&
      id !== record['payment_id'] &&
      !it.conflict,
  )

/** Whether what was promised would not be allowed any more. */
const isRefusedNow = (ledger: State, record: Told): boolean => {
  const policy = ledger.policies.get(walletOf(ledger, record))
  const provider = ledger.providers.get(String(record['provider_id']))
  const isKnown = ledger.payments.has(String(record['payment_id']))
  const isOver = policy !== undefined && BigInt(String(record['amount'])) > policy.paymentMax
  return !isKnown && (isOver || provider?.status !== 'active')
}

/** Judges first and looks up afterwards: a repeat is declined for what changed since. */
const forgetful: Ask = (ledger, call, model) => {
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

/** Settles from a lease that was reclaimed. */
const fenceless: Ask = (ledger, call, model) => {
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
const forgetsPayments: Ask = (ledger, call, model) => {
  for (const { payment_id: id } of records(call)) ledger.payments.delete(String(id))
  return model(ledger, call)
}

/** Lets a wallet have leases again that it has overdrawn. */
const forgives: Ask = (ledger, call, model) => {
  const stops = new Set(ledger.leaseStops)
  const said = model(ledger, call)
  if (call.name !== 'settle_x402_overdrawn') return said
  for (const stop of ledger.leaseStops) if (!stops.has(stop)) ledger.leaseStops.delete(stop)
  return said
}

/** Takes whoever asks for the provider whose proof it is. */
const trusting: Ask = (ledger, call, model) => {
  if (call.name !== 'check_x402_proof') return model(ledger, call)
  const provider = ledger.payments.get(call.args.payment_id)?.providerId
  const theirs = [...ledger.providerKeys].find(([, { holderId }]) => holderId === provider)
  if (!theirs) return model(ledger, call)
  const [keyId, { hash }] = theirs
  return model(ledger, { ...call, args: { ...call.args, key_id: keyId, key_hash: hash } })
}

/** Settles records one by one, in a ledger or of a record that is, for this moment, another. */
const amending =
  (amend: (ledger: State, record: Told) => { record: Told; undo?: () => void }): Ask =>
  (ledger, call, model) => {
    const all = records(call)
    if (all.length === 0) return model(ledger, call)
    const outcomes = all.map((told) => {
      const { record, undo } = amend(ledger, told)
      const alone = { ...call, args: { records: JSON.stringify([record]) } } as Call
      const [outcome] = (model(ledger, alone) as { outcomes: unknown[] }).outcomes
      undo?.()
      return outcome
    })
    return { as_of: Math.floor(ledger.now / 1000), outcomes }
  }

/** Takes a payment of the same id for what is presented, whatever it says. */
const takesForKnown = amending((ledger, record) => {
  const known = ledger.payments.get(String(record['payment_id']))
  if (!known) return { record }
  const { requestId, endpointId, providerId, amount } = known
  const said = { request_id: requestId, endpoint_id: endpointId, provider_id: providerId }
  return { record: { ...record, ...said, amount: String(amount) } }
})

/** Takes the wallet of a record for the one of its lease. */
const takesForTheirs = amending((ledger, record) => {
  const lease = ledger.leases.get(String(record['lease_id']))
  return { record: { ...record, ...(lease && { wallet_id: lease.walletId }) } }
})

/** Takes whatever is promised of a payment there is for the promise it was made from. */
const takesForFirst = amending((ledger, record) => {
  const known = ledger.payments.get(String(record['payment_id']))
  return { record: { ...record, ...(known && { made_at: Math.floor(known.createdAt / 1000) }) } }
})

/** Declines without a word of what the wallet's leases may have promised. */
const silent: Ask = (ledger, call, model) => {
  const said = model(ledger, call)
  if (call.name !== 'settle_x402_payment') return said
  const { leased: _, ...decline } = said as { leased?: boolean }
  return decline
}

/** Takes the provider of a record for the one of its endpoint. */
const takesForIts = amending((ledger, record) => {
  const endpoint = ledger.endpoints.get(String(record['endpoint_id']))
  const provider = endpoint?.providerId
  if (!endpoint || provider === undefined) return { record }
  endpoint.providerId = String(record['provider_id'])
  return { record, undo: () => Object.assign(endpoint, { providerId: provider }) }
})

/** Guards of how the ledger settles. */
export const settlingGuards = {
  'a payment is looked up before it is judged': { ask: forgetful },
  'a decline is told after a look for a promise': { ask: silent },
  'a payment is not promised again when it is old': { ask: takesForFirst },
  'a decline binds nothing': { ask: stubborn() },
  'a conflict is honoured': {
    ask: failing((ledger, record) =>
      isBoundElsewhere(ledger, record) ? 'payment_conflict' : undefined,
    ),
  },
  'settling judges nothing again': {
    ask: failing((ledger, record) => (isRefusedNow(ledger, record) ? 'refused_now' : undefined)),
  },
  'reclaimed is the fence': { ask: fenceless },
  'once per payment id': { ask: forgetsPayments },
  'a lease pays no more than it holds': {
    ask: during(BATCHES, (ledger) => raised(ledger.leases.values(), 'escrow')),
  },
  'a wallet pays no more beyond a lease than its limit': {
    ask: during(['settle_x402_overdrawn'], (ledger) => raised(ledger.leases.values(), 'limit')),
  },
  'what is paid beyond a lease is within the caps': {
    ask: during(['settle_x402_overdrawn'], (ledger) => raised(ledger.policies.values(), 'dayMax')),
  },
  'a record says what its payment says': { ask: takesForKnown },
  "a record is of its lease's wallet": { ask: takesForTheirs },
  "a record is of its endpoint's provider": { ask: takesForIts },
  'an overdrawn wallet gets no lease': { ask: forgives },
  'a proof is for one provider': { ask: trusting },
} satisfies Record<string, Ablation>
