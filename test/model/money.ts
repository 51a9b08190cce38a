import {
  amount,
  CHANGED,
  type Credit,
  integer,
  movable,
  NOT_COVERED,
  NOT_NULL,
  Raised,
  type State,
  type Transfer,
  UNKNOWN_PARTY,
} from './state.ts'

/** Whether this very transfer happened before; the id of another is refused. */
function isRepeat(ledger: State, id: string, transfer: Transfer): boolean {
  const before = ledger.transfers.get(id)
  if (!before) return false
  const same =
    before.template === transfer.template &&
    before.partyId === transfer.partyId &&
    before.amount === transfer.amount &&
    before.currency === transfer.currency
  if (!same) throw new Raised(CHANGED)
  return true
}

/** Posting template deposit: external to wallet. */
export function deposit(
  ledger: State,
  args: { transfer_id: string; wallet_id: string; amount: string },
): string {
  const wallet = ledger.wallets.get(args.wallet_id)
  const units = amount(integer(args.amount))
  if (!wallet) throw new Raised(NOT_NULL)
  movable(units)
  const { currency } = wallet
  const transfer = {
    template: 'deposit' as const,
    partyId: args.wallet_id,
    amount: units,
    currency,
  }
  if (!isRepeat(ledger, args.transfer_id, transfer)) {
    wallet.balance = amount(wallet.balance + units)
    ledger.transfers.set(args.transfer_id, transfer)
  }
  return String(wallet.balance)
}

export const earningsKey = (of: { providerId: string; currency: string }): string =>
  `${of.providerId} ${of.currency}`

export const statsKey = (of: { endpointId: string; paidOn: string }): string =>
  `${of.endpointId} ${of.paidOn}`

/** Takes credits out of the inbox into earnings and statistics. */
export function fold(ledger: State, credits: readonly Credit[]): void {
  const folded = new Set(credits)
  ledger.inbox = ledger.inbox.filter((credit) => !folded.has(credit))
  for (const credit of credits) {
    const earned = ledger.earnings.get(earningsKey(credit)) ?? 0n
    ledger.earnings.set(earningsKey(credit), earned + credit.amount)
    const stats = ledger.stats.get(statsKey(credit)) ?? { payments: 0, volume: 0n }
    ledger.stats.set(statsKey(credit), {
      payments: stats.payments + 1,
      volume: stats.volume + credit.amount,
    })
  }
}

/** The roll-up: the oldest credits first. */
export function rollUp(ledger: State, args: { most: number }): number {
  const credits = ledger.inbox.slice(0, args.most)
  fold(ledger, credits)
  return credits.length
}

/** Posting template payout: earnings to external, what lies in the inbox included. */
export function payOut(
  ledger: State,
  args: { transfer_id: string; provider_id: string; currency: string; amount: string },
): string {
  const payee = { providerId: args.provider_id, currency: args.currency }
  const key = earningsKey(payee)
  const credits = ledger.inbox.filter((credit) => earningsKey(credit) === key)
  const inbox = credits.reduce((sum, credit) => sum + credit.amount, 0n)
  const funds = (ledger.earnings.get(key) ?? 0n) + inbox
  const units = movable(integer(args.amount))
  const transfer = {
    template: 'payout' as const,
    partyId: args.provider_id,
    amount: units,
    currency: args.currency,
  }
  const repeat = isRepeat(ledger, args.transfer_id, transfer)
  if (!repeat && !ledger.providers.has(args.provider_id)) throw new Raised(UNKNOWN_PARTY)
  if (!repeat && funds < units) throw new Raised(NOT_COVERED)

  fold(ledger, credits)
  if (!repeat) {
    ledger.transfers.set(args.transfer_id, transfer)
    ledger.earnings.set(key, funds - units)
  }
  return String(ledger.earnings.get(key))
}

/** The money figures of the metrics page. */
export function getTotals(ledger: State) {
  const earnings: Record<string, string> = {}
  for (const [key, balance] of ledger.earnings) {
    const currency = key.slice(-4)
    earnings[currency] = String(BigInt(earnings[currency] ?? 0) + balance)
  }
  const payments = [...ledger.stats.values()].reduce((sum, { payments }) => sum + payments, 0)
  return { inbox: ledger.inbox.length, payments: String(payments), earnings }
}
