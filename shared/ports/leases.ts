import type { PaymentId, RequestId, WalletId } from '../domain/ids.ts'
import type { Lease, LeaseLeft, Reservation } from '../domain/lease.ts'
import type { Amount } from '../domain/money.ts'
import type { Order } from '../domain/payment.ts'
import type { ProofClaims } from '../domain/proof.ts'
import type { Trips } from '../ports.ts'

/** Why an edge could not promise a payment. Nothing is reserved; the ledger is asked instead. */
export type ReserveDecline =
  | 'unavailable'
  | 'no_lease'
  | 'exhausted'
  | 'no_quote'
  | 'price'
  | 'endpoint'
  | 'currency'
  | 'resource'
  | 'key'
  | 'signer'
  | 'payment_max'
  | 'provider'
  | 'other_caller'
  | 'record_lost'

/** What came of a reservation. Unknown: it may have happened, so only a settlement is an answer. */
export type Reserved =
  /** `waitsMs`: for how long the oldest record of the shard has waited to be settled. */
  | { kind: 'reserved'; reservation: Reservation; left: LeaseLeft; waitsMs: number }
  | { kind: 'repeated'; reservation: Reservation }
  | { kind: 'conflict' }
  | { kind: 'declined'; reason: ReserveDecline }
  | { kind: 'unknown' }

/** How many records wait in a shard, and since when the oldest does, in unix seconds. */
export type Waiting = { count: number; since: number | undefined }

/** What a store knows of a promise. Unanswered: there may be one; nobody is told there is none. */
export type Found =
  | { kind: 'found'; reservation: Reservation }
  | { kind: 'absent' }
  | { kind: 'unanswered' }

/** A record that waits in a shard; one that nobody can read has no reservation. */
export type StreamRecord = { entry: string; reservation: Reservation | undefined }

/**
 * The leases of one region, and what was promised from them. It holds no money: losing it loses
 * nothing but the right to promise. Every call is safe to repeat.
 *
 * All but `reserve`, `find` and `findRequest` are for work nobody waits for; they throw when the
 * store fails.
 */
export type LeaseStore = {
  /** Its name; part of every key, nonce and epoch. */
  readonly region: string
  /** The right to install a lease, by name; nothing while another lease is being made. */
  prepare(walletId: WalletId, nonce: string): Promise<string | undefined>
  /** Makes a granted lease the current one; whether it did. */
  install(lease: Lease, right: string): Promise<boolean>
  reserve(order: Order, nowSeconds: number, trips: Trips): Promise<Reserved>
  /** A payment promised here within 15 minutes. */
  find(id: PaymentId, trips: Trips): Promise<Found>
  /** The same, by what its agent called it; unanswered, too, when only the name is left of it. */
  findRequest(request: { walletId: WalletId; requestId: RequestId }, trips: Trips): Promise<Found>
  /** What is left of a wallet's lease; nothing without one. */
  remaining(walletId: WalletId): Promise<(LeaseLeft & Pick<Lease, 'id' | 'limit'>) | undefined>
  /** Takes the right to promise from a wallet. What it promised stays payable. */
  revoke(walletId: WalletId): Promise<void>
  /** The oldest records of a shard, and how many there are. */
  read(shard: number, most: number): Promise<{ waiting: number; records: StreamRecord[] }>
  /** What waits, shard by shard. */
  survey(): Promise<Waiting[]>
  /** Forgets records that have reached the ledger. */
  acknowledge(shard: number, entries: readonly string[]): Promise<void>
  /** Moves a record aside, for people; whether it was still there. */
  quarantine(shard: number, record: { entry: string; reason: string }): Promise<boolean>
}

/** A promise as it comes to the ledger: out of a stream, or out of the proof that was given for it. */
export type Promised = Reservation | ProofClaims

/** What the ledger made of one promise. Honoured: its request id named another payment already. */
export type PromiseOutcome =
  | { outcome: 'settled' | 'replayed' | 'honoured' }
  | { outcome: 'failed'; code: string }

/** `asOf`: unix seconds by the ledger, from before it read anything. */
export type SettledBatch = { asOf: number; outcomes: readonly PromiseOutcome[] }

/** What a wallet asks to put in escrow: about `wanted`, at least `needed`. */
export type LeaseAsked = { walletId: WalletId; name: string; wanted: Amount; needed: Amount }

/**
 * Settles what was promised, of whatever region: a promise names its lease. Every call is safe to
 * repeat; one that fails throws `EscrowFailure`.
 */
export type Settling = {
  /** One outcome for each of 1 to 1000 promises, in order. */
  settle(promised: readonly Promised[], trips?: Trips): Promise<SettledBatch>
  /** The same for promises that `settle` refused as overdrawn or reclaimed: the wallet may pay. */
  settleOverdrawn(promised: readonly Promised[]): Promise<SettledBatch>
}

/** The escrow of one region, and the settlement of what was promised from it. As safe to repeat. */
export type Escrow = Settling & {
  /** A lease, or why the wallet gets none. */
  grant(asked: LeaseAsked): Promise<{ lease: Lease } | { refused: string }>
  /** Notes that shards held nothing older than `asOf`; answers the ledger's time for the next note. */
  noteDrained(shards: readonly number[], asOf: number | undefined): Promise<number>
  /** Returns escrow of `most` leases whose proofs have run out; how many it was, and how many wait. */
  reclaim(most: number): Promise<{ reclaimed: number; stalled: number }>
}
