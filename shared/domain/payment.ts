import type { Capture, Refund } from './capture.ts'
import type { AgentId, EndpointId, PaymentId, ProviderId, RequestId, WalletId } from './ids.ts'
import type { Amount, Currency } from './money.ts'
import type { PaymentContent } from './payment-id.ts'

/** A payment is held once and ends once; an end has no way out. Automatic capture is born settled. */
export const endsOf = {
  held: ['settled', 'voided', 'expired'],
  settled: [],
  voided: [],
  expired: [],
} as const

export type PaymentState = keyof typeof endsOf

/** One agent paying one requirement once, as the ledger tells it. */
export type Payment = {
  id: PaymentId
  walletId: WalletId
  agentId: AgentId
  requestId: RequestId
  endpointId: EndpointId
  providerId: ProviderId
  amount: Amount
  currency: Currency
  priceVersion: number
  /** What was paid for: the hash of method and URL that a proof carries as `rsh`. */
  resourceHash: string
  state: PaymentState
  /** The agent authorised other content under the same request id as well. */
  conflict: boolean
  /** Unix seconds, by the ledger's clock. */
  madeAt: number
  /** A proof may be signed, or signed again: the first use is unclaimed and the time is not over. */
  redeemable: boolean
  /** Until when its provider may capture it, in unix seconds; absent when it was never held. */
  holdExpiresAt: number | undefined
  capture: Capture | undefined
  refunds: readonly Refund[]
}

/** How long after it was made a payment can be redeemed, in seconds. */
export const REDEMPTION_SECONDS = 15 * 60

/** The moment after which nothing accepts a proof of this payment, in unix seconds. */
export const redemptionEndOf = (payment: Pick<Payment, 'madeAt'>): number =>
  payment.madeAt + REDEMPTION_SECONDS

/** What an agent asks for, read and found authentic as far as the edge can tell. */
export type Order = {
  id: PaymentId
  content: PaymentContent
  /** The resource as a URL parser writes it; absent when the agent named none. */
  href: string | undefined
  settlement: 'sync' | 'async'
  caller: Caller
}

/** Who asks: the key by its id and hash, and the thumbprint of the key that signed, if one did. */
export type Caller = { keyId: string; keyHash: string; thumbprint: string | undefined }

/**
 * What came of an order: the payment, new or again; what the wallet has left and whether its provider
 * is told of it, when it is new.
 */
export type Settlement = {
  payment: Payment
  replayed: boolean
  balance: Amount | undefined
  notified: boolean
}
