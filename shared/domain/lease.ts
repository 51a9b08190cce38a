import type {
  AgentId,
  EndpointId,
  LeaseId,
  PaymentId,
  ProviderId,
  RequestId,
  WalletId,
} from './ids.ts'
import type { Amount, Currency } from './money.ts'

/** How long a lease may be promised from, counted from before it was granted. In seconds. */
export const LEASE_SECONDS = 60

/** Among so many streams a region divides its wallets. */
export const SHARDS = 64

/** The stream of its region that carries a wallet's payments. The ledger counts the same. */
export const shardOf = (walletId: WalletId): number =>
  Number.parseInt(walletId.slice(-2), 16) % SHARDS

/** Escrow of a wallet, with all that the ledger would ask before it lets a payment be promised. */
export type Lease = {
  id: LeaseId
  walletId: WalletId
  agentId: AgentId
  region: string
  /** Rises with each lease of the wallet in the region. */
  epoch: number
  /** The most that may be promised. The ledger holds twice as much. */
  limit: Amount
  currency: Currency
  policyVersion: number
  paymentMax: Amount
  /** Who may be paid; absent: anyone. */
  providers: readonly ProviderId[] | undefined
  keyHashes: readonly string[]
  /** Keys that sign for the agent; absent: it has none and need not sign. */
  thumbprints: readonly string[] | undefined
  /** How long the policy day lasted when the lease was granted, in seconds. */
  daySeconds: number
}

/** One payment promised from a lease: the agent has its proof, the ledger settles it later. */
export type Reservation = {
  paymentId: PaymentId
  walletId: WalletId
  agentId: AgentId
  requestId: RequestId
  endpointId: EndpointId
  providerId: ProviderId
  amount: Amount
  currency: Currency
  priceVersion: number
  method: string
  /** What is paid for: the resource as a URL parser writes it, or the registered URL. */
  resource: string
  leaseId: LeaseId
  epoch: number
  seq: number
  /** Unix seconds, by the clock of the edge that promised. */
  madeAt: number
  /** When its proof ends. A proof that is signed again ends at the same moment. */
  expiresAt: number
  /** Who may be given the proof again. */
  keyHash: string
  thumbprint: string | undefined
}

/** What is left of a lease to promise. */
export type LeaseLeft = { remaining: Amount; lifeMs: number }

const RENEW_MS = 15_000

/** Whether the next lease should be asked for: under 30 % left, or under 15 seconds to live. */
export const isRunningLow = (limit: Amount, left: LeaseLeft): boolean =>
  left.lifeMs < RENEW_MS || left.remaining * 10n < limit * 3n

/** The limit to ask for: twice what a minute lately took, at least ten such payments. */
export function wantedLimit(spentLastMinute: Amount, payment: Amount): Amount {
  const byRate = spentLastMinute * 2n
  const byPrice = payment * 10n
  return (byRate > byPrice ? byRate : byPrice) as Amount
}
