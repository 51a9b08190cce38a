import type { CaptureReason, RefundReason } from './domain/capture.ts'
import type { EndpointId, PaymentId, RequestId, WalletId } from './domain/ids.ts'
import type { Reservation } from './domain/lease.ts'
import type { Amount } from './domain/money.ts'
import type { Order, Payment, Settlement } from './domain/payment.ts'
import type { PolicySnapshot } from './domain/policy.ts'
import type { Problem } from './domain/problem.ts'
import type { ProofClaims, ProofReason } from './domain/proof.ts'
import type { Listing, Page, Quote } from './domain/quote.ts'
import type { Result } from './domain/result.ts'
import type { EventId, WebhookEvent } from './domain/webhook-event.ts'

export type Backend = 'database' | 'redis' | 'qstash'

/** The backend trips one request waits for; its answer names them in test environments. */
export type Trips = {
  wait<Value>(backend: Backend, trip: () => Promise<Value>): Promise<Value>
}

export type Clock = { nowSeconds(): number }

/** A key as its holder presents it, known by id and by the hash of its whole text. */
export type KeyHolder = { kind: 'agent' | 'provider'; keyId: string; keyHash: string }

/**
 * What the ledger answers an order it does not settle, with what a cache may learn from it. Leased:
 * the payment may have been promised before, so a decline is no answer until somebody has looked.
 */
export type Refusal = { problem: Problem; policy?: PolicySnapshot | undefined; leased?: boolean }

/** How a payment is looked up: by its id, or by what its agent called it. */
export type PaymentQuery = {
  paymentId?: PaymentId | undefined
  walletId?: WalletId | undefined
  requestId?: RequestId | undefined
}

/** What only the ledger can say about a proof: is it this provider's, is it paid, is it first. */
export type ProofQuery = {
  holder: KeyHolder
  claims: Pick<ProofClaims, 'jti' | 'aud'>
  endpointId: EndpointId
  /** The least the provider takes; absent: the endpoint's stored price. */
  minimum: Amount | undefined
  action: 'check' | 'consume' | 'release'
  attemptId: string | undefined
}

/** What a provider takes of a payment; an amount of nothing voids it. */
export type CaptureQuery = {
  holder: KeyHolder
  paymentId: PaymentId
  amount: Amount
  attemptId: string | undefined
}

/** What a provider gives back of a payment, under its own name for it. */
export type RefundQuery = {
  holder: KeyHolder
  paymentId: PaymentId
  refundId: string
  amount: Amount
}

/**
 * What came of it: the payment as it stands, and whether its provider is to be told by webhook; or
 * why not, with the payment if it is the caller's.
 */
export type Judged<Reason> =
  | { reason?: undefined; payment: Payment; notified: boolean }
  | { reason: Reason; payment: Payment | undefined }

/** The truth about money. Repeating any call is safe. */
export type Ledger = {
  settle(
    order: Order,
    trips: Trips,
  ): Promise<{ ok: true; value: Settlement } | ({ ok: false } & Refusal)>
  payment(holder: KeyHolder, query: PaymentQuery, trips: Trips): Promise<Result<Payment>>
  quote(endpointId: EndpointId, trips: Trips): Promise<Result<Quote | undefined>>
  checkProof(
    query: ProofQuery,
    trips: Trips,
  ): Promise<Result<{ reason: ProofReason | undefined; payment: Payment | undefined }>>
  capture(query: CaptureQuery, trips: Trips): Promise<Result<Judged<CaptureReason>>>
  refund(query: RefundQuery, trips: Trips): Promise<Result<Judged<RefundReason>>>
  list(page: Page, trips: Trips): Promise<Result<Listing>>
}

/** Work on the ledger that nobody waits for. */
export type LedgerUpkeep = {
  /** Folds provider credits into earnings and statistics; answers how many. */
  rollUpCredits(): Promise<number>
  /** Ends holds whose time is over; answers how many. */
  expireHolds(): Promise<number>
  /** Compares what leases hold with what was paid; new leases stop where that differs. */
  audit(): Promise<Audit>
}

/** What an audit found wrong, by invariant, and how much needs an eye. */
export type Audit = {
  violations: readonly { invariant: string; what: string }[]
  /** Promises that neither escrow nor wallet covered. */
  unfundedProofs: number
  /** How long the escrow that is due longest has not come back. */
  overdueSeconds: number
  /** Leases that paid one number twice or more than they may, whose escrow is not back yet. */
  openForks: number
  /** Wallets the ledger stopped from borrowing within two minutes. */
  newStops: number
}

/** An answer to a paid request, word for word, and whom it may be given to. */
export type StoredAnswer = {
  keyHash: string
  thumbprint: string | null
  body: string
}

/**
 * Answers given lately, shared by all isolates, kept until their proof expires.
 * A store that fails or is slow is a miss; it never makes a payment wait longer than its bound.
 */
export type Answers = {
  find(id: PaymentId, trips: Trips): Promise<StoredAnswer | undefined>
  /** Kept until `until`, in unix seconds. Nothing to wait for when another request writes it too. */
  keep(kept: { id: PaymentId; answer: StoredAnswer; until: number }): Promise<void> | undefined
}

/** A quote with the moment the ledger told it, in unix seconds: its age counts over all tiers. */
export type ToldQuote = { quote: Quote; toldAt: number }

/** Quotes told lately, shared by all isolates. A store that fails or is slow is a miss. */
export type Quotes = {
  find(id: EndpointId, trips: Trips): Promise<ToldQuote | undefined>
  keep(told: ToldQuote): Promise<void>
}

/** Counts, added up over every isolate. */
export type Counters = {
  add(deltas: ReadonlyMap<string, number>): Promise<void>
  read(trips: Trips): Promise<ReadonlyMap<string, number> | undefined>
}

/** Signs and checks proofs with the keys of this deployment. */
export type Proofs = {
  /** Whether a key signs now. While none does nothing is charged, since no proof could be given. */
  canSign(): boolean
  sign(
    payment: Payment,
    thumbprint: string | undefined,
  ): Promise<{ proof: string; expiresAt: number }>
  /** The proof of a promise: it ends at the same moment however often it is signed. */
  signPromise(promised: Reservation): Promise<{ proof: string; expiresAt: number }>
  /** The claims of an authentic proof, or why it is none. Judges nothing the claims say. */
  read(
    token: string,
  ): Promise<{ ok: true; claims: ProofClaims } | { ok: false; reason: ProofReason }>
  /** The public keys providers verify with now (RFC 7517). */
  publicKeys(): readonly Record<string, string>[]
}

/** One attempt to deliver one event. The same attempt is made once, however often it is asked for. */
export type Delivery = { eventId: EventId; attempt: number }

/** What an attempt needs, told for that attempt alone; or that it is over, or somebody else's now. */
export type BegunDelivery =
  | { outcome: 'over' }
  | { outcome: 'under_way' }
  | { outcome: 'deliver'; event: WebhookEvent; url: string; secrets: readonly string[] }

/** What a receiver answered: a status, `timeout`, `no_answer`, or that it was not asked at all. */
export type WebhookAnswer = { answer: string; retryAfterSeconds: number | undefined }

/** What the ledger makes of an answer. `later`: there will be another attempt, by the schedule. */
export type DeliveryOutcome = 'delivered' | 'later' | 'dead' | 'disabled' | 'over'

/** Events of the ledger on their way to those they concern. None is lost; one may come twice. */
export type Outbox = {
  /** Takes events that are due, for two minutes, oldest first; fewer than `most` are all there are. */
  take(most: number): Promise<readonly Delivery[]>
  begin(delivery: Delivery, trips: Trips): Promise<Result<BegunDelivery>>
  end(
    delivery: Delivery & { answer: WebhookAnswer },
    trips: Trips,
  ): Promise<Result<DeliveryOutcome>>
}

/** Posts one signed message to its receiver. Never throws: no answer is an answer too. */
export type WebhookPost = (message: {
  url: string
  headers: Record<string, string>
  body: string
}) => Promise<WebhookAnswer>

/**
 * Asks to be called back. A wake may be lost, doubled or late: it says where to look, never what is
 * there. Each resolves to whether all of it was accepted, and is not repeated.
 */
export type Wakes = {
  /** Has a shard drained after this second, in unix seconds, is over; wakes of one second are one. */
  wakeShard(wake: { region: string; shard: number; second: number }): Promise<boolean>
  /** Has the outbox looked into after this second is over. */
  wakeOutbox(second: number): Promise<boolean>
  publishWebhooks(deliveries: readonly Delivery[]): Promise<boolean>
}

/** Tells the callbacks we asked for from everything else that comes to their addresses. */
export type Callbacks = {
  /** The id of an authentic callback to this path, new for each time it is sent. */
  read(callback: {
    signature: string | undefined
    path: string
    body: Uint8Array<ArrayBuffer>
  }): Promise<{ id: string } | undefined>
}
