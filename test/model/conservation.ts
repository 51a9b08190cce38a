import { heldIn } from './leases.ts'
import { earningsKey, statsKey } from './money.ts'
import { type Day, dayOf, monthOf, type Payment, type State } from './state.ts'

type Sums = Map<string, bigint>

const add = (sums: Sums, key: string, amount: bigint) =>
  sums.set(key, (sums.get(key) ?? 0n) + amount)

/** Every account as it is stored: wallets, and earnings with what still lies in the inbox. */
function accounts(ledger: State): Sums {
  const sums: Sums = new Map()
  for (const [id, wallet] of ledger.wallets) {
    add(sums, `wallet ${id} ${wallet.currency}`, wallet.balance)
  }
  for (const [id, lease] of ledger.leases) add(sums, `lease ${id} ${lease.currency}`, heldIn(lease))
  for (const [key, balance] of ledger.earnings) add(sums, `provider ${key}`, balance)
  for (const credit of ledger.inbox) add(sums, `provider ${earningsKey(credit)}`, credit.amount)
  for (const [id, { hold, amount, currency }] of ledger.payments) {
    if (hold) add(sums, `hold ${id} ${currency}`, hold.ended ? 0n : amount)
  }
  return sums
}

/** How a payment's amount went from account to account, and back. */
function* movements(id: string, payment: Payment): Generator<[from: string, to: string, bigint]> {
  const { lease } = payment
  const wallet = `wallet ${payment.walletId} ${payment.currency}`
  const payer = lease && !lease.overdrawn ? `lease ${lease.id} ${payment.currency}` : wallet
  const provider = `provider ${earningsKey(payment)}`
  const hold = `hold ${id} ${payment.currency}`
  const captured = payment.capture?.captured ?? 0n
  yield [payer, payment.hold ? hold : provider, payment.amount]
  if (payment.hold?.ended) {
    yield [hold, provider, captured]
    yield [hold, wallet, payment.amount - captured]
  }
  for (const { amount } of payment.refunds.values()) yield [provider, wallet, amount]
}

/** The same accounts recomputed from every movement there was, with the world outside. */
function posted(ledger: State): Sums {
  const sums: Sums = new Map()
  for (const [id, payment] of ledger.payments) {
    for (const [from, to, amount] of movements(id, payment)) {
      add(sums, from, -amount)
      add(sums, to, amount)
    }
  }
  for (const [id, { walletId, currency, escrow, returned }] of ledger.leases) {
    add(sums, `wallet ${walletId} ${currency}`, returned - escrow)
    add(sums, `lease ${id} ${currency}`, escrow - returned)
  }
  for (const { template, partyId, amount, currency } of ledger.transfers.values()) {
    const deposited = template === 'deposit' ? amount : -amount
    add(sums, `${template === 'deposit' ? 'wallet' : 'provider'} ${partyId} ${currency}`, deposited)
    add(sums, `external ${currency}`, -deposited)
  }
  return sums
}

function differences(what: string, left: Sums, right: Sums): string[] {
  const keys = new Set([...left.keys(), ...right.keys()])
  return [...keys].flatMap((key) => {
    const [one, other] = [left.get(key) ?? 0n, right.get(key) ?? 0n]
    return one === other ? [] : [`${what}: ${key} is ${one}, not ${other}`]
  })
}

function lostMoney(stored: Sums, expected: Sums): string[] {
  return ['USDC', 'EURC'].flatMap((currency) => {
    const outside = expected.get(`external ${currency}`) ?? 0n
    const inside = [...stored].filter(([key]) => key.endsWith(currency))
    const sum = inside.reduce((total, [, balance]) => total + balance, outside)
    return sum === 0n ? [] : [`M1: ${currency} of all accounts is off by ${sum}`]
  })
}

function* brokenMoney(ledger: State): Generator<string> {
  const stored = accounts(ledger)
  const expected = posted(ledger)
  yield* lostMoney(stored, expected)
  for (const currency of ['USDC', 'EURC']) expected.delete(`external ${currency}`)
  yield* differences('M4', stored, expected)
  for (const [key, balance] of stored) if (balance < 0n) yield `M2: ${key} is ${balance}`
  for (const [id, { amount }] of [...ledger.payments, ...ledger.transfers]) {
    if (amount <= 0n || amount >= 2n ** 53n) yield `M6: ${id} moves ${amount}`
  }
}

function* brokenOnce(ledger: State): Generator<string> {
  const requests = new Set<string>()
  for (const { walletId, requestId, conflict } of ledger.payments.values()) {
    const request = `${walletId} ${requestId}`
    if (!conflict && requests.has(request)) yield `O2: two payments of ${request}`
    if (!conflict) requests.add(request)
  }
  for (const id of ledger.redemptions.keys()) {
    if (!ledger.payments.has(id)) yield `O2: ${id} was redeemed and never paid`
  }
}

/** The rules of its moment that a payment broke, given all its wallet spent until and with it. */
function brokenRules(payment: Payment, spent: { day: bigint; month: bigint }): string[] {
  const { amount, allowedBy, providerId } = payment
  const broken = {
    P1: amount > allowedBy.paymentMax,
    'P2 by day': spent.day > allowedBy.dayMax,
    'P2 by month': spent.month > allowedBy.monthMax,
    P3: allowedBy.providers?.includes(providerId) === false,
  }
  return Object.entries(broken).flatMap(([rule, isBroken]) => (isBroken ? [rule] : []))
}

/** What leases took from wallets, and what was paid beyond them: by wallet and day. */
function* escrowed(ledger: State): Generator<[string, Day, bigint]> {
  for (const { walletId, policyDay, escrow, returned } of ledger.leases.values()) {
    yield [walletId, policyDay, escrow - returned]
  }
  for (const { walletId, countedOn, amount, lease } of ledger.payments.values()) {
    if (lease?.overdrawn) yield [walletId, countedOn, amount]
  }
}

/** Each lease against what was paid from it, and beyond it. */
function brokenLeases(ledger: State): string[] {
  const beyond: Sums = new Map()
  for (const { lease, amount } of ledger.payments.values()) {
    if (lease?.overdrawn) add(beyond, lease.id, amount)
  }
  const leases = [...ledger.leases]
  const open = leases.filter(([, { state }]) => state === 'open')
  const places = new Set(open.map(([, { walletId, region }]) => `${walletId} ${region}`))
  return [
    ...(places.size < open.length ? ['M5: a wallet has two open leases in a region'] : []),
    ...leases
      .filter(([, lease]) => lease.state === 'reclaimed' && heldIn(lease) !== 0n)
      .map(([id]) => `M5: ${id} was not all returned`),
    ...leases
      .filter(([id, it]) => it.overdraft !== (beyond.get(id) ?? 0n) || it.overdraft > it.limit)
      .map(([id, { overdraft }]) => `M5: ${id} is overdrawn by ${overdraft}`),
  ]
}

/**
 * Holds each payment, in order, against the policy that allowed it; then the wallets' counters.
 * What was promised from leases counts as their escrow, which was held against the policy at once.
 */
function* brokenPolicy(ledger: State): Generator<string> {
  const spent: Sums = new Map()
  const until = (walletId: string, day: Day) => ({
    day: spent.get(`${walletId} ${day}`) ?? 0n,
    month: spent.get(`${walletId} month of ${monthOf(day)}`) ?? 0n,
  })
  const count = (walletId: string, day: Day, amount: bigint) => {
    add(spent, `${walletId} ${day}`, amount)
    add(spent, `${walletId} month of ${monthOf(day)}`, amount)
  }
  for (const { walletId, paymentId, day, amount } of ledger.counted) {
    count(walletId, day, amount)
    const payment = ledger.payments.get(paymentId)
    if (!payment || amount <= 0n) continue
    for (const rule of brokenRules(payment, until(walletId, day))) yield `${rule}: ${paymentId}`
  }
  for (const [walletId, day, amount] of escrowed(ledger)) count(walletId, day, amount)
  for (const [id, wallet] of ledger.wallets) {
    const { day, month } = until(id, wallet.day)
    const right = day === wallet.daySpent && month === wallet.monthSpent
    if (!right) yield `P2: ${id} counts ${wallet.daySpent} and ${wallet.monthSpent}`
  }
}

/** A hold ends once, in the one way its state says; nobody gives back more than was taken. */
function* brokenHolds(ledger: State): Generator<string> {
  for (const [id, payment] of ledger.payments) {
    const captured = payment.capture?.captured ?? payment.amount
    const refunded = [...payment.refunds.values()].reduce((sum, { amount }) => sum + amount, 0n)
    const isUsedUp = payment.capture !== null || refunded > 0n
    if (!isWhole(payment)) yield `H1: ${id} is ${payment.state} wrongly`
    if (refunded > captured) yield `H2: ${id} was refunded ${refunded} of ${captured}`
    if (isUsedUp && !ledger.redemptions.has(id)) yield `H3: ${id} can be redeemed again`
  }
}

function isWhole({ state, amount, hold, capture }: Payment): boolean {
  const { captured, released } = capture ?? { captured: amount, released: 0n }
  if (captured + released !== amount) return false
  if (!hold) return state === 'settled' && released === 0n
  const waits = { held: true, expired: true, settled: false, voided: false }[state]
  return (
    hold.ended === (state !== 'held') &&
    waits === (capture === null) &&
    (state !== 'voided' || captured === 0n)
  )
}

/** Statistics and inbox together are the payments, by endpoint and day. */
function brokenStatistics(ledger: State): string[] {
  const folded: Sums = new Map()
  const paid: Sums = new Map()
  for (const [key, { payments, volume }] of ledger.stats) {
    add(folded, `payments ${key}`, BigInt(payments))
    add(folded, `volume ${key}`, volume)
  }
  const count = (sums: Sums, of: Pick<Payment, 'endpointId' | 'amount'> & { paidOn: string }) => {
    add(sums, `payments ${statsKey(of)}`, 1n)
    add(sums, `volume ${statsKey(of)}`, of.amount)
  }
  for (const credit of ledger.inbox) count(folded, credit)
  for (const { endpointId, amount, countedOn, hold, capture } of ledger.payments.values()) {
    if (!hold) count(paid, { endpointId, amount, paidOn: countedOn })
    else if (capture && capture.captured > 0n) {
      count(paid, { endpointId, amount: capture.captured, paidOn: dayOf(capture.madeAt) })
    }
  }
  return differences('M4', folded, paid)
}

/**
 * Every invariant that does not hold; none, for a ledger nobody can fault.
 *
 * M1 money is conserved, M2 no account is below zero, M4 every account and statistic is the sum of
 * its movements, M5 what a lease held was paid from it or came back, M6 amounts are positive and
 * below 2^53; O2 a request settled once; P1 to P3 each payment was within the policy of its moment;
 * H1 a hold ended once, H2 refunds stay within what was captured, H3 what was captured or refunded is
 * used up. M3 (a movement has two equal sides) cannot be broken: a movement is one row. O1, O3 and O4
 * are of histories, and are for who compares answers.
 */
export function conservation(ledger: State): string[] {
  return [
    ...brokenMoney(ledger),
    ...brokenOnce(ledger),
    ...brokenPolicy(ledger),
    ...brokenLeases(ledger),
    ...brokenHolds(ledger),
    ...brokenStatistics(ledger),
  ]
}
