import { formatDecimal } from '../domain/money.ts'
import { type Payment, redemptionEndOf } from '../domain/payment.ts'
import type { Quote } from '../domain/quote.ts'
import { isoSeconds } from './pay.ts'

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
export const paymentAnswer = (payment: Payment) => ({
  ...paymentSummary(payment),
  transferId: payment.id,
  walletId: payment.walletId,
  providerId: payment.providerId,
  priceVersion: payment.priceVersion,
  conflict: payment.conflict,
  redeemableUntil: isoSeconds(redemptionEndOf(payment)),
  timeline: [{ status: payment.state, at: isoSeconds(payment.madeAt) }],
})

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
  requirement: {
    scheme: 'payos-ticket',
    network: by.network,
    amount: quote.amount.toString(),
    asset: quote.currency,
    payTo: quote.providerId,
    maxTimeoutSeconds: 120,
    extra: { issuer: by.issuer, endpointId: quote.endpointId, pv: quote.priceVersion },
  },
})
