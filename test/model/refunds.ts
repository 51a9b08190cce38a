import { type CaptureArgs, claimFirstUse, judgeState, ownPayment } from './holds.ts'
import { earningsKey, fold } from './money.ts'
import { amount, integer, movable, type Payment, type State } from './state.ts'
import { tellStory } from './story.ts'

type RefundArgs = Omit<CaptureArgs, 'attempt_id'> & { refund_id: string }

function judgeRefund(ledger: State, payment: Payment, args: RefundArgs): string | null {
  const units = integer(args.amount)
  const known = payment.refunds.get(args.refund_id)
  if (known) return known.amount === units ? null : 'refund_conflict'
  const spoiled = judgeState(ledger, payment)
  if (spoiled === 'payment_voided' || spoiled === 'payment_expired') return spoiled
  if (payment.state === 'held') return 'payment_held'
  const refunded = [...payment.refunds.values()].reduce((sum, it) => sum + it.amount, 0n)
  const left = payment.amount - (payment.capture?.released ?? 0n) - refunded
  return units > left ? 'refund_too_high' : null
}

/** Gives back what a provider captured, in part or whole, from what it earned. */
export function refund(ledger: State, args: RefundArgs) {
  const units = amount(integer(args.amount))
  const { payment, told } = ownPayment(ledger, args)
  if (!payment) return told
  const refused = (reason: string) => ({
    outcome: 'refused',
    reason,
    payment: tellStory(ledger, args.payment_id),
  })
  const reason = judgeRefund(ledger, payment, args)
  if (reason) return refused(reason)

  if (!payment.refunds.has(args.refund_id)) {
    const key = earningsKey(payment)
    const credits = ledger.inbox.filter((credit) => earningsKey(credit) === key)
    const inbox = credits.reduce((sum, credit) => sum + credit.amount, 0n)
    const funds = (ledger.earnings.get(key) ?? 0n) + inbox
    const wallet = ledger.wallets.get(payment.walletId)
    if (!wallet) throw new Error('a payment has no wallet')
    const balance = funds < units ? wallet.balance : amount(wallet.balance + movable(units))
    fold(ledger, credits)
    if (funds < units) return refused('earnings_insufficient')
    ledger.earnings.set(key, funds - units)
    wallet.balance = balance
    payment.refunds.set(args.refund_id, { amount: units, madeAt: ledger.now })
    claimFirstUse(ledger, args.payment_id, args.payment_id)
  }
  return { outcome: 'refunded', notified: false, payment: tellStory(ledger, args.payment_id) }
}
