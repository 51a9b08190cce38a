import { Amount } from '../domain/money.ts'
import type { Page } from '../domain/quote.ts'
import { refusal } from '../domain/refusal.ts'
import { ok } from '../domain/result.ts'
import type { CaptureQuery, Ledger, RefundQuery, Trips } from '../ports.ts'
import { notApplied, unavailable, unknownOutcome } from './ledger-failures.ts'
import { CaptureRow, ListingRow, RefundRow } from './ledger-rows.ts'
import type { Call } from './postgrest-call.ts'

/** Captures a payment for its provider. */
export async function capture(
  call: Call,
  query: CaptureQuery,
  trips: Trips,
): ReturnType<Ledger['capture']> {
  const { holder, paymentId, amount, attemptId } = query
  const called = await call(
    'capture_x402_payment',
    {
      key_id: holder.keyId,
      key_hash: holder.keyHash,
      payment_id: paymentId,
      amount: Amount.encode(amount),
      attempt_id: attemptId ?? null,
    },
    trips,
  )
  if (!called.ok) return notApplied(called.failed, paymentId, 'capture')

  const row = CaptureRow.safeParse(called.data)
  if (!row.success) return unknownOutcome(paymentId, 'capture')
  const { data } = row
  if (data.outcome === 'captured') {
    return ok({ payment: data.payment, notified: data.notified })
  }
  if (data.outcome !== 'refused') return { ok: false, problem: refusal(data.outcome) }
  return ok({ reason: data.reason, payment: data.payment ?? undefined })
}

/** Gives back what a provider captured. */
export async function refund(
  call: Call,
  query: RefundQuery,
  trips: Trips,
): ReturnType<Ledger['refund']> {
  const { holder, paymentId, refundId, amount } = query
  const called = await call(
    'refund_x402_payment',
    {
      key_id: holder.keyId,
      key_hash: holder.keyHash,
      payment_id: paymentId,
      refund_id: refundId,
      amount: Amount.encode(amount),
    },
    trips,
  )
  if (!called.ok) return notApplied(called.failed, paymentId, 'refund')

  const row = RefundRow.safeParse(called.data)
  if (!row.success) return unknownOutcome(paymentId, 'refund')
  const { data } = row
  if (data.outcome === 'refunded') {
    return ok({ payment: data.payment, notified: data.notified })
  }
  if (data.outcome !== 'refused') return { ok: false, problem: refusal(data.outcome) }
  return ok({ reason: data.reason, payment: data.payment ?? undefined })
}

/** A page of the endpoints anyone may find. */
export async function list(call: Call, page: Page, trips: Trips): ReturnType<Ledger['list']> {
  const called = await call('list_x402_endpoints', { most: page.limit, skip: page.offset }, trips)
  if (!called.ok) return unavailable()

  const row = ListingRow.safeParse(called.data)
  return row.success ? ok(row.data) : unavailable()
}
