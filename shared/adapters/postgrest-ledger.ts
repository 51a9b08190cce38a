import * as z from 'zod'
import type { EndpointId } from '../domain/ids.ts'
import { Amount } from '../domain/money.ts'
import type { Order } from '../domain/payment.ts'
import { refusal } from '../domain/refusal.ts'
import { ok } from '../domain/result.ts'
import type {
  Audit,
  KeyHolder,
  Ledger,
  LedgerUpkeep,
  PaymentQuery,
  ProofQuery,
  Trips,
} from '../ports.ts'
import { notApplied, unavailable, unknownOutcome } from './ledger-failures.ts'
import { CheckRow, PaymentRow, QuoteRow, SettleRow } from './ledger-rows.ts'
import { type Call, caller, type LedgerAddress } from './postgrest-call.ts'
import { capture, list, refund } from './postgrest-settlement.ts'

/** The ledger behind PostgREST. Every call is one trip; repeating one is safe. */
export function postgrestLedger(address: LedgerAddress): Ledger {
  const call = caller(address)
  return {
    settle: (order, trips) => settle(call, order, trips),
    payment: (holder, query, trips) => payment(call, { holder, query }, trips),
    quote: (endpointId, trips) => quote(call, endpointId, trips),
    checkProof: (query, trips) => checkProof(call, query, trips),
    capture: (query, trips) => capture(call, query, trips),
    refund: (query, trips) => refund(call, query, trips),
    list: (page, trips) => list(call, page, trips),
  }
}

/** What `api.audit_x402` answers. */
const Audited = z.lazy(() =>
  z
    .object({
      violations: z.array(z.object({ invariant: z.string(), what: z.string() })),
      counters: z.object({
        unfunded_proofs: z.int(),
        overdue_seconds: z.int(),
        open_forks: z.int(),
        new_stops: z.int(),
      }),
    })
    .transform(
      ({ violations, counters }): Audit => ({
        violations,
        unfundedProofs: counters.unfunded_proofs,
        overdueSeconds: counters.overdue_seconds,
        openForks: counters.open_forks,
        newStops: counters.new_stops,
      }),
    ),
)

/** The same ledger, by the role that folds credits away and ends holds. */
export function postgrestUpkeep(address: LedgerAddress): LedgerUpkeep {
  const call = caller(address)
  const count = async (name: string) => {
    const called = await call(name, {})
    if (!called.ok) throw new Error(`${name} failed: ${called.failed.code}`)
    return z.int().parse(called.data)
  }
  return {
    rollUpCredits: () => count('roll_up_x402_credits'),
    expireHolds: () => count('expire_x402_holds'),
    async audit() {
      const called = await call('audit_x402', {})
      if (!called.ok) throw new Error(`audit failed: ${called.failed.code}`)
      return Audited.parse(called.data)
    },
  }
}

async function settle(call: Call, order: Order, trips: Trips): ReturnType<Ledger['settle']> {
  const { id, content, href, caller } = order
  const called = await call(
    'settle_x402_payment',
    {
      key_id: caller.keyId,
      key_hash: caller.keyHash,
      thumbprint: caller.thumbprint ?? null,
      payment_id: id,
      wallet_id: content.walletId,
      request_id: content.requestId,
      endpoint_id: content.endpointId,
      amount: Amount.encode(content.amount),
      currency: content.currency,
      method: content.method,
      resource: content.resource ?? null,
      href: href ?? null,
      capture: content.capture,
    },
    trips,
  )
  if (!called.ok) return notApplied(called.failed, id)

  const row = SettleRow.safeParse(called.data)
  if (!row.success) return unknownOutcome(id)
  if (row.data.outcome === 'payment') {
    const { outcome: _, ...settlement } = row.data
    return { ok: true, value: { balance: undefined, ...settlement } }
  }
  const { outcome, policy, leased, retry_after: retryAfter, ...facts } = row.data
  return { ok: false, problem: refusal(outcome, { ...facts, retryAfter }), policy, leased }
}

async function payment(
  call: Call,
  { holder, query }: { holder: KeyHolder; query: PaymentQuery },
  trips: Trips,
): ReturnType<Ledger['payment']> {
  const called = await call(
    'get_x402_payment',
    {
      key_kind: holder.kind,
      key_id: holder.keyId,
      key_hash: holder.keyHash,
      payment_id: query.paymentId ?? null,
      wallet_id: query.walletId ?? null,
      request_id: query.requestId ?? null,
    },
    trips,
  )
  if (!called.ok) return unavailable()

  const row = PaymentRow.safeParse(called.data)
  if (!row.success) return unavailable()
  return row.data.outcome === 'payment'
    ? ok(row.data.payment)
    : { ok: false, problem: refusal(row.data.outcome) }
}

async function quote(
  call: Call,
  endpointId: EndpointId,
  trips: Trips,
): ReturnType<Ledger['quote']> {
  const called = await call('get_x402_endpoint', { endpoint_id: endpointId }, trips)
  if (!called.ok) return unavailable()

  const row = QuoteRow.nullable().safeParse(called.data)
  return row.success ? ok(row.data ?? undefined) : unavailable()
}

async function checkProof(
  call: Call,
  query: ProofQuery,
  trips: Trips,
): ReturnType<Ledger['checkProof']> {
  const called = await call(
    'check_x402_proof',
    {
      key_id: query.holder.keyId,
      key_hash: query.holder.keyHash,
      payment_id: query.claims.jti,
      endpoint_id: query.endpointId,
      audience: query.claims.aud,
      minimum: query.minimum === undefined ? null : Amount.encode(query.minimum),
      action: query.action,
      attempt_id: query.attemptId ?? null,
    },
    trips,
  )
  if (!called.ok) return unavailable()

  const row = CheckRow.safeParse(called.data)
  if (!row.success) return unavailable()
  if (row.data.outcome !== 'checked') return { ok: false, problem: refusal(row.data.outcome) }
  return ok({ reason: row.data.reason ?? undefined, payment: row.data.payment ?? undefined })
}
