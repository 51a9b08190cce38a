import { sharesOf } from '../domain/capture.ts'
import { type Amount, formatDecimal } from '../domain/money.ts'
import { type Payment, type PaymentState, redemptionEndOf } from '../domain/payment.ts'
import { PROOF_SECONDS } from '../domain/proof-terms.ts'
import type { Listing, Page, Quote } from '../domain/quote.ts'
import { isoSeconds } from './pay.ts'
import { SCHEME } from './x402.ts'

/** What a payment is to those it concerns: how `/verify` shows it. */
export const paymentSummary = (payment: Payment) => ({
  paymentId: payment.id,
  requestId: payment.requestId,
  endpointId: payment.endpointId,
  agentId: payment.agentId,
  amount: formatDecimal(payment.amount, payment.currency),
  currency: payment.currency,
  status: payment.state,
})

/** State and timeline of a payment: the answer of `GET /payments/{id}`. */
export function paymentAnswer(payment: Payment) {
  const { captured, released, refunded } = sharesOf(payment)
  const money = (amount: bigint) => formatDecimal(amount as Amount, payment.currency)
  const until = payment.holdExpiresAt
  return {
    ...paymentSummary(payment),
    transferId: payment.id,
    walletId: payment.walletId,
    providerId: payment.providerId,
    priceVersion: payment.priceVersion,
    conflict: payment.conflict,
    captured: money(captured),
    released: money(released),
    refunded: money(refunded),
    redeemableUntil: isoSeconds(redemptionEndOf(payment)),
    ...(until !== undefined && { holdExpiresAt: isoSeconds(until) }),
    timeline: [...timelineOf(payment)].map(({ at, amount, ...step }) => ({
      ...step,
      at: isoSeconds(at),
      amount: money(amount),
    })),
  }
}

type Step = { status: PaymentState | 'refunded'; at: number; amount: bigint; refundId?: string }

/** What became of a payment, in order, each with the amount it was about. */
function* timelineOf(payment: Payment): Generator<Step> {
  const { state, amount, madeAt, holdExpiresAt, capture, refunds } = payment
  const wasHeld = holdExpiresAt !== undefined
  yield { status: wasHeld ? 'held' : state, at: madeAt, amount }
  if (wasHeld && state === 'expired') yield { status: state, at: holdExpiresAt, amount }
  if (wasHeld && capture) {
    const { captured, released, madeAt: at } = capture
    yield { status: state, at, amount: state === 'voided' ? released : captured }
  }
  for (const refund of refunds) {
    yield {
      status: 'refunded',
      at: refund.madeAt,
      amount: refund.amount,
      refundId: refund.refundId,
    }
  }
}

/**
 * What a provider quotes in a 402: price, version, what was announced, and the same as an x402
 * `PaymentRequirements` (amount in atomic units there).
 */
export const quoteAnswer = (quote: Quote, by: { network: string; issuer: string }) => ({
  endpointId: quote.endpointId,
  providerId: quote.providerId,
  price: formatDecimal(quote.amount, quote.currency),
  currency: quote.currency,
  method: quote.method,
  resource: quote.url,
  priceVersion: quote.priceVersion,
  ...(quote.next && {
    next: {
      price: formatDecimal(quote.next.amount, quote.currency),
      priceVersion: quote.next.priceVersion,
      validFrom: isoSeconds(quote.next.validFrom),
    },
  }),
  requirement: requirementOf(quote, by),
})

/** The same as an entry of x402's `accepts`. */
const requirementOf = (quote: Quote, by: { network: string; issuer: string }) => ({
  scheme: SCHEME,
  network: by.network,
  amount: quote.amount.toString(),
  asset: quote.currency,
  payTo: quote.providerId,
  maxTimeoutSeconds: PROOF_SECONDS,
  extra: { issuer: by.issuer, endpointId: quote.endpointId, pv: quote.priceVersion },
})

/** A page of listed endpoints, in the open standard's shape. */
export const listingAnswer = (
  { total, endpoints }: Listing,
  by: { network: string; issuer: string; page: Page },
) => ({
  x402Version: 2,
  items: endpoints.map(({ quote, since }) => ({
    resource: quote.url,
    type: 'http',
    x402Version: 2,
    accepts: [requirementOf(quote, by)],
    lastUpdated: isoSeconds(since),
    metadata: { method: quote.method },
  })),
  pagination: { ...by.page, total },
})
