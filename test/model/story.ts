import { minutes, type State, unix } from './state.ts'

const REDEMPTION = minutes(15)

/** A payment as those it concerns see it; null when there is none. */
export function describePayment(ledger: State, id: string) {
  const payment = ledger.payments.get(id)
  if (!payment) return null
  const { hold } = payment
  const held = payment.state === 'held' && hold ? hold : null
  const state = held && held.expiresAt <= ledger.now ? 'expired' : payment.state
  const alive = state === 'held' || state === 'settled'
  const inTime = ledger.now < payment.createdAt + REDEMPTION
  return {
    payment_id: id,
    wallet_id: payment.walletId,
    request_id: payment.requestId,
    endpoint_id: payment.endpointId,
    provider_id: payment.providerId,
    agent_id: ledger.wallets.get(payment.walletId)?.agentId,
    amount: String(payment.amount),
    currency: payment.currency,
    price_version: payment.priceVersion,
    resource_hash: payment.resourceHash,
    state,
    conflict: payment.conflict,
    created_at: unix(payment.createdAt),
    hold_expires_at: held && unix(held.expiresAt),
    redeemable: alive && inTime && !ledger.redemptions.has(id),
  }
}

/** A payment with all that came after it; null when there is none. */
export function tellStory(ledger: State, id: string) {
  const payment = ledger.payments.get(id)
  const described = describePayment(ledger, id)
  if (!payment || !described) return null
  const { hold, capture } = payment
  const refunds = [...payment.refunds].sort(
    ([one, { madeAt: earlier }], [other, { madeAt: later }]) =>
      earlier - later || (one < other ? -1 : 1),
  )
  return {
    ...described,
    hold_expires_at: hold && unix(hold.expiresAt),
    capture: capture && {
      attempt_id: capture.attemptId,
      captured: String(capture.captured),
      released: String(capture.released),
      made_at: unix(capture.madeAt),
    },
    refunds: refunds.map(([refund_id, it]) => ({
      refund_id,
      amount: String(it.amount),
      made_at: unix(it.madeAt),
    })),
  }
}
