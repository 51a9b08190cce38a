import { endLeases, endLeasesOfAgent } from './leases.ts'
import {
  amount,
  CHANGED,
  type Instant,
  integer,
  type Key,
  OUT_OF_DOMAIN,
  Raised,
  type State,
  UNKNOWN_PARTY,
  WRONG_ARGUMENT,
} from './state.ts'

/** Whoever is named must be known. */
function mustKnow(parties: Map<string, unknown>, id: string): void {
  if (!parties.has(id)) throw new Raised(UNKNOWN_PARTY)
}

/** A known id keeps its content: only what the caller lists afterwards may change. */
function mustAgree(known: object, said: object): void {
  const facts = new Map(Object.entries(known))
  if (Object.entries(said).some(([name, value]) => facts.get(name) !== value)) {
    throw new Raised(CHANGED)
  }
}

export function putOwner(ledger: State, args: { owner_id: string; name: string }): null {
  ledger.owners.set(args.owner_id, { name: args.name })
  return null
}

export function putAgent(
  ledger: State,
  args: { agent_id: string; owner_id: string; name: string; status: string },
): null {
  const agent = { ownerId: args.owner_id, name: args.name, status: args.status }
  const known = ledger.agents.get(args.agent_id)
  if (known) mustAgree(known, { ownerId: args.owner_id })
  else mustKnow(ledger.owners, args.owner_id)
  if (args.status !== 'active') endLeasesOfAgent(ledger, args.agent_id)
  ledger.agents.set(args.agent_id, agent)
  return null
}

export function putWallet(
  ledger: State,
  args: { wallet_id: string; agent_id: string; currency: string; status: string },
): null {
  const { agent_id: agentId, currency, status } = args
  const known = ledger.wallets.get(args.wallet_id)
  if (known) {
    mustAgree(known, { agentId, currency })
    known.status = status
    if (status !== 'active') endLeases(ledger, args.wallet_id)
    return null
  }
  mustKnow(ledger.agents, agentId)
  const never = { day: '2000-01-01', daySpent: 0n, month: '2000-01-01', monthSpent: 0n }
  ledger.wallets.set(args.wallet_id, { agentId, currency, status, balance: 0n, ...never })
  return null
}

export function putPolicy(
  ledger: State,
  args: {
    wallet_id: string
    payment_max: string
    day_max: string
    month_max: string
    providers: string[] | null
  },
): null {
  const rules = {
    paymentMax: amount(integer(args.payment_max)),
    dayMax: amount(integer(args.day_max)),
    monthMax: amount(integer(args.month_max)),
    providers: args.providers,
  }
  mustKnow(ledger.wallets, args.wallet_id)
  const before = ledger.policies.get(args.wallet_id)
  const same =
    before !== undefined &&
    before.paymentMax === rules.paymentMax &&
    before.dayMax === rules.dayMax &&
    before.monthMax === rules.monthMax &&
    String(before.providers) === String(rules.providers)
  if (same) return null
  const version = (before?.version ?? 0) + 1
  const settlement = before?.settlement ?? 'sync'
  ledger.policies.set(args.wallet_id, { ...rules, version, settlement, changedAt: ledger.now })
  endLeases(ledger, args.wallet_id)
  return null
}

export function putProvider(
  ledger: State,
  args: { provider_id: string; name: string; status: string },
): null {
  ledger.providers.set(args.provider_id, { name: args.name, status: args.status })
  return null
}

/** The keys of one kind, with those who can hold them. */
function keyring(ledger: State, kind: string): [Map<string, Key>, Map<string, unknown>] {
  if (kind === 'agent') return [ledger.agentKeys, ledger.agents]
  if (kind === 'provider') return [ledger.providerKeys, ledger.providers]
  throw new Raised(WRONG_ARGUMENT)
}

export function putKey(
  ledger: State,
  args: {
    kind: string
    key_id: string
    holder_id: string
    key_hash: string
    expires_at: string | null
  },
): null {
  const [keys, holders] = keyring(ledger, args.kind)
  const expiresAt: Instant | null = args.expires_at === null ? null : Date.parse(args.expires_at)
  const known = keys.get(args.key_id)
  if (known) {
    mustAgree(known, { holderId: args.holder_id, hash: args.key_hash })
    if (known.expiresAt !== expiresAt) endLeasesOfAgent(ledger, args.holder_id)
    known.expiresAt = expiresAt
    return null
  }
  mustKnow(holders, args.holder_id)
  const key = { holderId: args.holder_id, hash: args.key_hash, expiresAt, revokedAt: null }
  keys.set(args.key_id, key)
  return null
}

export function revokeKey(ledger: State, args: { kind: string; key_id: string }): boolean {
  const [keys] = keyring(ledger, args.kind)
  const key = keys.get(args.key_id)
  if (key?.revokedAt === null) endLeasesOfAgent(ledger, key.holderId)
  if (key) key.revokedAt ??= ledger.now
  return key !== undefined
}

export function putSigner(
  ledger: State,
  args: { agent_id: string; thumbprint: string; revoked: boolean },
): null {
  mustKnow(ledger.agents, args.agent_id)
  const signers = ledger.signers.get(args.agent_id) ?? new Map<string, boolean>()
  const changes = signers.get(args.thumbprint) !== args.revoked
  if (changes) endLeasesOfAgent(ledger, args.agent_id)
  ledger.signers.set(args.agent_id, signers.set(args.thumbprint, args.revoked))
  return null
}

export function putEndpoint(
  ledger: State,
  args: {
    endpoint_id: string
    provider_id: string
    method: string
    url: string
    currency: string
    price: string
    status: string
  },
): null {
  const { provider_id: providerId, method, url, currency, status } = args
  const price = { amount: amount(integer(args.price)), validFrom: ledger.now }
  const known = ledger.endpoints.get(args.endpoint_id)
  if (known) {
    mustAgree(known, { providerId, method, url, currency })
    if (known.prices[0]?.amount !== price.amount) throw new Raised(CHANGED)
    known.status = status
    return null
  }
  mustKnow(ledger.providers, providerId)
  const terms = { holdSeconds: 86_400, discoverable: false }
  const endpoint = { providerId, method, url, currency, status, prices: [price], ...terms }
  ledger.endpoints.set(args.endpoint_id, endpoint)
  return null
}

export function putEndpointTerms(
  ledger: State,
  args: { endpoint_id: string; hold_seconds: number | null; discoverable: boolean | null },
): null {
  const endpoint = ledger.endpoints.get(args.endpoint_id)
  if (!endpoint) throw new Raised(UNKNOWN_PARTY)
  const holdSeconds = args.hold_seconds ?? endpoint.holdSeconds
  if (holdSeconds < 60 || holdSeconds > 604_800) throw new Raised(OUT_OF_DOMAIN)
  endpoint.holdSeconds = holdSeconds
  endpoint.discoverable = args.discoverable ?? endpoint.discoverable
  return null
}
