/** Milliseconds since 1970. */
export type Instant = number
/** A UTC day, `YYYY-MM-DD`. */
export type Day = string

export type Key = {
  holderId: string
  hash: string
  expiresAt: Instant | null
  revokedAt: Instant | null
}

export type Wallet = {
  agentId: string
  currency: string
  status: string
  balance: bigint
  day: Day
  daySpent: bigint
  month: Day
  monthSpent: bigint
}

export type Policy = {
  version: number
  paymentMax: bigint
  dayMax: bigint
  monthMax: bigint
  providers: string[] | null
  changedAt: Instant
  settlement: string
}

export type Price = { amount: bigint; validFrom: Instant }

export type Endpoint = {
  providerId: string
  method: string
  url: string
  currency: string
  status: string
  /** Version 1 first. */
  prices: Price[]
  holdSeconds: number
  discoverable: boolean
}

/** How long a payment is held, and whether that has ended. */
export type Hold = { expiresAt: Instant; ended: boolean }

/** What its provider took of a payment, once, and which attempt it was. */
export type Capture = {
  attemptId: string | null
  captured: bigint
  released: bigint
  madeAt: Instant
}

export type Payment = {
  walletId: string
  requestId: string
  endpointId: string
  providerId: string
  amount: bigint
  currency: string
  priceVersion: number
  resourceHash: string
  state: 'held' | 'settled' | 'voided' | 'expired'
  conflict: boolean
  createdAt: Instant
  /** The day and month it counts in, and the policy it was judged by: what only a model keeps. */
  countedOn: Day
  allowedBy: Policy
  /** The lease it was promised from; absent: it was not. */
  lease?: { id: string; seq: number; overdrawn: boolean }
  hold: Hold | null
  capture: Capture | null
  refunds: Map<string, { amount: bigint; madeAt: Instant }>
}

/** A payment that nobody held, captured or refunded. */
export const untouched = (): Pick<Payment, 'hold' | 'capture' | 'refunds'> => ({
  hold: null,
  capture: null,
  refunds: new Map(),
})

export type Lease = {
  walletId: string
  region: string
  epoch: number
  nonce: string
  currency: string
  shard: number
  limit: bigint
  escrow: bigint
  policy: Policy
  policyDay: Day
  grantedAt: Instant
  reclaimAfter: Instant
  state: 'open' | 'revoked' | 'reclaimed'
  settled: bigint
  returned: bigint
  overdraft: bigint
  forked: boolean
  reclaimedAt: Instant | null
}

/** What was counted in a wallet's day and month, and with which payment: less, when it came back. */
export type Counted = { walletId: string; paymentId: string; day: Day; amount: bigint }

export type Credit = {
  providerId: string
  endpointId: string
  currency: string
  amount: bigint
  paidOn: Day
}

export type Transfer = {
  template: 'deposit' | 'payout'
  /** The wallet of a deposit, the provider of a payout. */
  partyId: string
  amount: bigint
  currency: string
}

/** Everything the ledger knows. Maps keep the order in which things came in. */
export type State = {
  now: Instant
  owners: Map<string, { name: string }>
  agents: Map<string, { ownerId: string; name: string; status: string }>
  agentKeys: Map<string, Key>
  /** By agent, then by thumbprint: whether it was revoked. */
  signers: Map<string, Map<string, boolean>>
  wallets: Map<string, Wallet>
  policies: Map<string, Policy>
  providers: Map<string, { name: string; status: string }>
  providerKeys: Map<string, Key>
  endpoints: Map<string, Endpoint>
  payments: Map<string, Payment>
  counted: Counted[]
  inbox: Credit[]
  /** By provider and currency. */
  earnings: Map<string, bigint>
  /** By endpoint and day. */
  stats: Map<string, { payments: number; volume: bigint }>
  transfers: Map<string, Transfer>
  redemptions: Map<string, { attemptId: string; claimedAt: Instant }>
  leases: Map<string, Lease>
  /** By region and shard. */
  watermarks: Map<string, Instant>
  /** Proofs nobody covered, and whether somebody later did. */
  unfunded: Map<string, { code: string; funded: boolean }>
  leaseStops: Set<string>
}

/** A ledger that knows nobody, at the given moment. */
export const emptyLedger = (now: Instant): State => ({
  now,
  owners: new Map(),
  agents: new Map(),
  agentKeys: new Map(),
  signers: new Map(),
  wallets: new Map(),
  policies: new Map(),
  providers: new Map(),
  providerKeys: new Map(),
  endpoints: new Map(),
  payments: new Map(),
  counted: [],
  inbox: [],
  earnings: new Map(),
  stats: new Map(),
  transfers: new Map(),
  redemptions: new Map(),
  leases: new Map(),
  watermarks: new Map(),
  unfunded: new Map(),
  leaseStops: new Set(),
})

/** What the database raises instead of answering, by its SQLSTATE. Nothing has changed then. */
export class Raised extends Error {
  readonly sqlstate: string
  constructor(sqlstate: string) {
    super(`SQLSTATE ${sqlstate}`)
    this.sqlstate = sqlstate
  }
}

export const CHANGED = '23505'
export const NOT_COVERED = 'PT402'
export const NOT_NULL = '23502'
export const OUT_OF_DOMAIN = '23514'
export const UNKNOWN_PARTY = '23503'
export const WRONG_ARGUMENT = '22023'

const LIMIT = 2n ** 53n

/** Reads digits as the database casts them to bigint. */
export function integer(text: string): bigint {
  if (!/^-?\d+$/.test(text)) throw new Raised('22P02')
  return BigInt(text)
}

/** An amount the ledger can hold: from zero to below 2^53. */
export function amount(value: bigint): bigint {
  if (value < 0n || value >= LIMIT) throw new Raised(OUT_OF_DOMAIN)
  return value
}

/** An amount that can be moved: nobody moves nothing. */
export function movable(value: bigint): bigint {
  if (value === 0n) throw new Raised(OUT_OF_DOMAIN)
  return amount(value)
}

export const unix = (moment: Instant): number => Math.floor(moment / 1000)
export const dayOf = (moment: Instant): Day => new Date(moment).toISOString().slice(0, 10)
export const monthOf = (day: Day): Day => `${day.slice(0, 7)}-01`

export const seconds = (count: number): number => count * 1000
export const minutes = (count: number): number => seconds(count * 60)
