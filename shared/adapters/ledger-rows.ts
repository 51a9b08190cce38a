import * as z from 'zod'
import { type Capture, captureReasons, type Refund, refundReasons } from '../domain/capture.ts'
import { AgentId, EndpointId, PaymentId, ProviderId, RequestId, WalletId } from '../domain/ids.ts'
import { Amount, Currency } from '../domain/money.ts'
import { endsOf, type Payment, type PaymentState } from '../domain/payment.ts'
import { proofReasons } from '../domain/proof.ts'
import type { Quote } from '../domain/quote.ts'
import { isRefusalCode, type RefusalCode } from '../domain/refusal.ts'

// Schemas are lazy: making them all took an eighth of a start, and most are for rare routes.

/** How the database failed: an SQLSTATE or PostgREST code, empty when no answer came. */
export type Failed = { code: string; status: number }

const State = z.enum(Object.keys(endsOf) as [PaymentState, ...PaymentState[]])

const CapturePart = z.lazy(() =>
  z
    .object({
      attempt_id: z.string().nullable(),
      captured: Amount,
      released: Amount,
      made_at: z.int(),
    })
    .transform(
      (row): Capture => ({
        attemptId: row.attempt_id ?? undefined,
        captured: row.captured,
        released: row.released,
        madeAt: row.made_at,
      }),
    ),
)

const RefundPart = z.lazy(() =>
  z
    .object({ refund_id: z.string(), amount: Amount, made_at: z.int() })
    .transform(
      (row): Refund => ({ refundId: row.refund_id, amount: row.amount, madeAt: row.made_at }),
    ),
)

/** What `ledger.answer` and, with all that came after it, `ledger.story` tell of a payment. */
export const Row = z.lazy(() =>
  z
    .object({
      payment_id: PaymentId,
      wallet_id: WalletId,
      agent_id: AgentId,
      request_id: RequestId,
      endpoint_id: EndpointId,
      provider_id: ProviderId,
      amount: Amount,
      currency: Currency,
      price_version: z.int(),
      resource_hash: z.string(),
      state: State,
      conflict: z.boolean(),
      created_at: z.int(),
      redeemable: z.boolean(),
      hold_expires_at: z.int().nullable(),
      capture: CapturePart.nullish(),
      refunds: z.array(RefundPart).default([]),
    })
    .transform(
      (row): Payment => ({
        id: row.payment_id,
        walletId: row.wallet_id,
        agentId: row.agent_id,
        requestId: row.request_id,
        endpointId: row.endpoint_id,
        providerId: row.provider_id,
        amount: row.amount,
        currency: row.currency,
        priceVersion: row.price_version,
        resourceHash: row.resource_hash,
        state: row.state,
        conflict: row.conflict,
        madeAt: row.created_at,
        redeemable: row.redeemable,
        holdExpiresAt: row.hold_expires_at ?? undefined,
        capture: row.capture ?? undefined,
        refunds: row.refunds,
      }),
    ),
)

const Next = z.lazy(() =>
  z.object({ amount: Amount, price_version: z.int(), valid_from: z.int() }).transform((row) => ({
    amount: row.amount,
    priceVersion: row.price_version,
    validFrom: row.valid_from,
  })),
)

const quoteParts = () =>
  z.object({
    endpoint_id: EndpointId,
    provider_id: ProviderId,
    method: z.string(),
    url: z.string(),
    currency: Currency,
    active: z.boolean(),
    amount: Amount,
    price_version: z.int(),
    next: Next.nullish(),
  })

/** What `ledger.quote` answers. */
export const QuoteRow = z.lazy(() => quoteParts().transform(asQuote))

function asQuote(row: z.output<ReturnType<typeof quoteParts>>): Quote {
  return {
    endpointId: row.endpoint_id,
    providerId: row.provider_id,
    method: row.method,
    url: row.url,
    currency: row.currency,
    amount: row.amount,
    priceVersion: row.price_version,
    active: row.active,
    next: row.next ?? undefined,
  }
}

/** What `api.list_x402_endpoints` answers. */
export const ListingRow = z.lazy(() =>
  z.object({
    total: z.int(),
    endpoints: z.array(
      quoteParts()
        .extend({ since: z.int() })
        .transform((row) => ({
          quote: asQuote(row),
          since: row.since,
        })),
    ),
  }),
)

const Policy = z.lazy(() =>
  z
    .object({
      version: z.int(),
      payment_max: Amount,
      providers: z.array(ProviderId).nullish(),
      changed_at: z.int(),
    })
    .transform((row) => ({
      version: row.version,
      paymentMax: row.payment_max,
      providers: row.providers ?? undefined,
      changedAt: row.changed_at,
    })),
)

/** Any outcome of the catalogue; another one means the database is ahead of this code. */
const Refused = z.custom<RefusalCode>((code) => typeof code === 'string' && isRefusalCode(code))

/** What `api.settle_x402_payment` answers. */
export const SettleRow = z.lazy(() =>
  z.union([
    z.object({
      outcome: z.literal('payment'),
      replayed: z.boolean(),
      payment: Row,
      balance: Amount.optional(),
      notified: z.boolean().default(false),
    }),
    z.object({
      outcome: Refused,
      rule: z.string().optional(),
      retry_after: z.int().optional(),
      quote: QuoteRow.nullish().transform((quote) => quote ?? undefined),
      policy: Policy.optional(),
      leased: z.boolean().default(false),
    }),
  ]),
)

/** What `api.get_x402_payment` answers. */
export const PaymentRow = z.lazy(() =>
  z.union([
    z.object({ outcome: z.literal('payment'), payment: Row }),
    z.object({ outcome: Refused }),
  ]),
)

/** What `api.check_x402_proof` answers. */
export const CheckRow = z.lazy(() =>
  z.union([
    z.object({
      outcome: z.literal('checked'),
      reason: z.enum(proofReasons).nullish(),
      payment: Row.nullish(),
    }),
    z.object({ outcome: Refused }),
  ]),
)

/** What `api.capture_x402_payment` answers. */
export const CaptureRow = z.lazy(() =>
  z.union([
    z.object({ outcome: z.literal('captured'), payment: Row, notified: z.boolean() }),
    z.object({
      outcome: z.literal('refused'),
      reason: z.enum(captureReasons),
      payment: Row.nullable(),
    }),
    z.object({ outcome: Refused }),
  ]),
)

/** What `api.refund_x402_payment` answers. */
export const RefundRow = z.lazy(() =>
  z.union([
    z.object({ outcome: z.literal('refunded'), payment: Row, notified: z.boolean() }),
    z.object({
      outcome: z.literal('refused'),
      reason: z.enum(refundReasons),
      payment: Row.nullable(),
    }),
    z.object({ outcome: Refused }),
  ]),
)
