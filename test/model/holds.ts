import { judgeKey } from './pay.ts'
import { amount, type Capture, dayOf, integer, monthOf, type Payment, type State } from './state.ts'
import { tellStory } from './story.ts'

export type CaptureArgs = {
  key_id: string
  key_hash: string | null
  payment_id: string
  amount: string
  attempt_id: string | null
}

/** Why a payment cannot be redeemed any more. */
export function judgeState(ledger: State, { state, hold, refunds }: Payment): string | null {
  if (state === 'settled') return refunds.size > 0 ? 'payment_refunded' : null
  if (state !== 'held') return `payment_${state}`
  return hold && hold.expiresAt <= ledger.now ? 'payment_expired' : null
}

/** The first attempt wins, for good: why it is not this one. */
export function claimFirstUse(ledger: State, id: string, attemptId: string): string | null {
  const claim = ledger.redemptions.get(id) ?? { attemptId, claimedAt: ledger.now }
  ledger.redemptions.set(id, claim)
  return claim.attemptId === attemptId ? null : 'proof_already_used'
}

/** The caller's payment of that id, or what the caller is told instead. */
export function ownPayment(ledger: State, args: Omit<CaptureArgs, 'attempt_id' | 'amount'>) {
  const key = ledger.providerKeys.get(args.key_id)
  const problem = judgeKey(key, args.key_hash, ledger.now)
  if (problem) return { told: { outcome: problem } }
  const payment = ledger.payments.get(args.payment_id)
  if (payment?.providerId === key?.holderId && payment) return { payment }
  return { told: { outcome: 'refused', reason: 'unauthorized_server', payment: null } }
}

function judgeRepeat(capture: Capture, args: CaptureArgs): string | null {
  const another = args.attempt_id !== null && args.attempt_id !== capture.attemptId
  if (another) return 'duplicate_settlement'
  return integer(args.amount) === capture.captured ? null : 'settle_conflict'
}

function judgeCapture(ledger: State, payment: Payment, args: CaptureArgs): string | null {
  const units = integer(args.amount)
  const { capture, state } = payment
  if (capture) return judgeRepeat(capture, args)
  const spoiled = judgeState(ledger, payment)
  if (spoiled) return spoiled === 'payment_expired' ? 'hold_expired' : spoiled
  const fits = state === 'settled' ? units === payment.amount : units <= payment.amount
  if (!fits) return 'settle_conflict'
  const claim = ledger.redemptions.get(args.payment_id)
  const claimed = claim !== undefined && claim.attemptId !== args.attempt_id
  return claimed && args.attempt_id !== null ? 'duplicate_settlement' : null
}

/** Captures a payment in whole or part, or voids it with nothing. */
export function capture(ledger: State, args: CaptureArgs) {
  const captured = amount(integer(args.amount))
  const { payment, told } = ownPayment(ledger, args)
  if (!payment) return told
  const id = args.payment_id
  const reason = judgeCapture(ledger, payment, args)
  if (reason) return { outcome: 'refused', reason, payment: tellStory(ledger, id) }

  if (!payment.capture) {
    const released = payment.amount - captured
    if (payment.state === 'held') {
      endHold(ledger, id, { state: captured === 0n ? 'voided' : 'settled', released })
      if (captured > 0n) credit(ledger, payment, captured)
    }
    claimFirstUse(ledger, id, args.attempt_id ?? id)
    payment.capture = { attemptId: args.attempt_id, captured, released, madeAt: ledger.now }
  }
  return { outcome: 'captured', notified: false, payment: tellStory(ledger, id) }
}

function credit(ledger: State, payment: Payment, captured: bigint): void {
  const { providerId, endpointId, currency } = payment
  const paidOn = dayOf(ledger.now)
  ledger.inbox.push({ providerId, endpointId, currency, amount: captured, paidOn })
}

/** Gives back what is left, to the day and month it was counted in as far as they still run. */
function endHold(
  ledger: State,
  id: string,
  end: { state: 'settled' | 'voided' | 'expired'; released: bigint },
): void {
  const payment = ledger.payments.get(id)
  const wallet = ledger.wallets.get(payment?.walletId ?? '')
  if (!payment?.hold || !wallet) throw new Error('nothing is held')
  const { countedOn: day, walletId } = payment
  wallet.balance = amount(wallet.balance + end.released)
  if (wallet.day === day) wallet.daySpent -= end.released
  if (wallet.month === monthOf(day)) wallet.monthSpent -= end.released
  ledger.counted.push({ walletId, paymentId: id, day, amount: -end.released })
  payment.state = end.state
  payment.hold.ended = true
}

/** Ends holds whose time is over, the first to expire first; a wallet that is full waits. */
export function expireHolds(ledger: State, args: { most: number }): number {
  const due = [...ledger.payments].flatMap(([id, { state, hold, amount, walletId }]) =>
    state === 'held' && hold && hold.expiresAt <= ledger.now
      ? [{ id, expiresAt: hold.expiresAt, amount, walletId }]
      : [],
  )
  due.sort((one, other) => one.expiresAt - other.expiresAt || (one.id < other.id ? -1 : 1))
  let ended = 0
  for (const { id, amount: released, walletId } of due.slice(0, args.most)) {
    if ((ledger.wallets.get(walletId)?.balance ?? 0n) >= 2n ** 53n - released) continue
    endHold(ledger, id, { state: 'expired', released })
    ended += 1
  }
  return ended
}
