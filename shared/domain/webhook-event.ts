import type * as z from 'zod'
import { Uuid } from './ids.ts'
import type { Payment } from './payment.ts'

export const EventId = Uuid.brand<'EventId'>()
export type EventId = z.output<typeof EventId>

/** What can happen that somebody wants to be told. */
export const eventKinds = [
  'payment.settled',
  'payment.failed',
  'payment.voided',
  'payment.expired',
  'payment.refunded',
  'lease.revoked',
] as const

export type EventKind = (typeof eventKinds)[number]

/** Something that happened, once, to a payment or a lease, and concerns one provider or owner. */
export type WebhookEvent = {
  id: EventId
  kind: EventKind
  /** The payment or the lease. */
  subjectId: string
  /** Grows with each event of one subject, in the order they happened. */
  sequence: number
  /** Unix seconds, by the ledger's clock. */
  happenedAt: number
  /** Absent for a lease, and for a payment that was promised and never made. */
  payment: Payment | undefined
  /** What else there is to say, by names as the ledger writes them; amounts as atomic digits. */
  facts: Readonly<Record<string, string | number | boolean | null>>
}
