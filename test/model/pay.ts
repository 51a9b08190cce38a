import { createHash } from 'node:crypto'
import { countSpending, hashId, secondsToRelief, spentIn } from './leases.ts'
import { getEndpoint, isActive, priceOf, versionAt, wasValid } from './prices.ts'
import {
  dayOf,
  type Endpoint,
  type Instant,
  integer,
  type Key,
  type Payment,
  type Policy,
  Raised,
  type State,
  seconds,
  unix,
  untouched,
  type Wallet,
  WRONG_ARGUMENT,
} from './state.ts'
import { describePayment } from './story.ts'

const PRICE_GRACE = seconds(60)

export type SettleArgs = {
  key_id: string
  key_hash: string | null
  thumbprint: string | null
  payment_id: string
  wallet_id: string
  request_id: string
  endpoint_id: string
  amount: string
  currency: string
  method: string
  resource: string | null
  href: string | null
  capture: string
}

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest()

/** The id of what an agent asks for: UUIDv8 of the first half of a SHA-256. */
export function paymentId(content: Omit<SettleArgs, 'payment_id'>): string {
  const { wallet_id, request_id, endpoint_id, amount, currency, method, resource, capture } =
    content
  const lines = [wallet_id, request_id, endpoint_id, amount, currency, method, resource, capture]
  return hashId(lines.map((line) => line ?? ''))
}

/** Why a key does not speak for its holder. */
export function judgeKey(key: Key | undefined, hash: string | null, now: Instant): string | null {
  if (key?.hash !== hash) return 'key_invalid'
  const expired = key.expiresAt !== null && key.expiresAt <= now
  return expired || key.revokedAt !== null ? 'key_revoked' : null
}

function judgeAgent(ledger: State, args: SettleArgs): string | null {
  const key = ledger.agentKeys.get(args.key_id)
  const problem = judgeKey(key, args.key_hash, ledger.now)
  if (!key || problem) return problem

  const signers = ledger.signers.get(key.holderId)
  if (signers && args.thumbprint === null) return 'signature_required'
  // A thumbprint nobody registered (undefined) is as bad as one that was revoked (true), and so it
  // is for an agent that need not sign.
  if (args.thumbprint !== null && signers?.get(args.thumbprint) !== false)
    return 'signature_invalid'
  return ledger.wallets.get(args.wallet_id)?.agentId === key.holderId ? null : 'not_found'
}

/** What the request id is bound to: declines bind nothing. */
function known(ledger: State, args: SettleArgs) {
  const payment = describePayment(ledger, args.payment_id)
  if (payment) return { outcome: 'payment', replayed: true, payment }
  const taken = paymentOfRequest(ledger, args.wallet_id, args.request_id) !== undefined
  return taken ? { outcome: 'payment_conflict' } : null
}

/** The id of the payment a request id came to. */
export function paymentOfRequest(ledger: State, walletId: string, requestId: string) {
  for (const [id, it] of ledger.payments) {
    if (it.walletId === walletId && it.requestId === requestId && !it.conflict) return id
  }
  return undefined
}

function judgeEndpoint(ledger: State, args: SettleArgs, wallet: Wallet) {
  const endpoint = ledger.endpoints.get(args.endpoint_id)
  const current = endpoint ? versionAt(endpoint, ledger.now) : 0
  if (!endpoint || current === 0) return { problem: 'not_found' }
  const price = priceOf(endpoint, current)?.amount
  const version = versionOf(endpoint, integer(args.amount), ledger.now)
  const url = args.href ?? endpoint.url

  if (price === 0n) return { problem: 'nothing_to_pay' }
  if (!isActive(ledger, endpoint)) return { problem: 'endpoint_inactive' }
  if (version === undefined) return { problem: 'price_changed' }
  const currencies = new Set([args.currency, endpoint.currency, wallet.currency])
  if (currencies.size > 1) return { problem: 'currency_mismatch' }
  const belongs = args.method === endpoint.method && isAtOrBelow(url, endpoint.url)
  if (!belongs) return { problem: 'resource_mismatch' }
  const { providerId, holdSeconds } = endpoint
  return { problem: null, providerId, version, url, holdSeconds }
}

/** The newest version with this amount that is valid, or was a moment ago. Zero is no price. */
function versionOf(endpoint: Endpoint, amount: bigint, now: Instant): number | undefined {
  const versions = endpoint.prices.map((_, index) => index + 1).reverse()
  return versions.find(
    (version) =>
      amount !== 0n &&
      priceOf(endpoint, version)?.amount === amount &&
      wasValid(endpoint, version, { since: now - PRICE_GRACE, now }),
  )
}

function isAtOrBelow(url: string, registered: string): boolean {
  const below = registered.endsWith('/') ? registered : `${registered}/`
  return url === registered || url.startsWith(below) || url.startsWith(`${registered}?`)
}

/** The first rule of the owner that a payment would break. */
function brokenRule(
  ledger: State,
  wallet: Wallet,
  asked: { amount: bigint; providerId: string; policy: Policy | undefined; today: string },
): string | null {
  const { amount, providerId, policy, today } = asked
  if (wallet.status !== 'active') return 'wallet_frozen'
  if (ledger.agents.get(wallet.agentId)?.status !== 'active') return 'agent_suspended'
  if (!policy) return 'no_policy'
  if (amount > policy.paymentMax) return 'payment_max'
  if (policy.providers && !policy.providers.includes(providerId)) return 'provider'
  const { day, month } = spentIn(wallet, today)
  if (day + amount > policy.dayMax) return 'day_max'
  if (month + amount > policy.monthMax) return 'month_max'
  return null
}

function refusedBy(rule: string, policy: Policy | undefined) {
  if (!policy) return { outcome: 'policy_refused', rule }
  const shown = {
    version: policy.version,
    payment_max: String(policy.paymentMax),
    changed_at: unix(policy.changedAt),
    ...(policy.providers && { providers: policy.providers }),
  }
  return { outcome: 'policy_refused', rule, policy: shown }
}

type Asked = {
  walletId: string
  amount: bigint
  providerId: string
  policy: Policy | undefined
  today: string
}

/** Why policy or funds do not let a payment pass; null when they do. */
function judgeWallet(ledger: State, wallet: Wallet, asked: Asked) {
  const { policy, amount } = asked
  const rule = brokenRule(ledger, wallet, asked)
  const capped = rule === 'day_max' || rule === 'month_max'
  const short = !rule && wallet.balance < amount
  const relief =
    policy && (capped || short) ? secondsToRelief(ledger, { ...asked, wallet, policy }) : null
  if (relief !== null) return { outcome: 'funds_in_lease', retry_after: relief }
  if (rule) return refusedBy(rule, policy)
  return short ? { outcome: 'funds_insufficient' } : null
}

/** Whether something may have been promised for the wallet. */
const hasLease = (ledger: State, walletId: string): boolean =>
  [...ledger.leases.values()].some((it) => it.walletId === walletId && it.state !== 'reclaimed')

function mustBeAnOrder(args: SettleArgs): void {
  const known = args.capture === 'automatic' || args.capture === 'manual'
  if (!known || args.payment_id !== paymentId(args)) throw new Raised(WRONG_ARGUMENT)
}

/** Settles one payment, or answers the first reason not to. A decline changes nothing. */
export function settlePayment(ledger: State, args: SettleArgs) {
  const amount = integer(args.amount)
  mustBeAnOrder(args)
  const refusal = judgeAgent(ledger, args)
  const wallet = ledger.wallets.get(args.wallet_id)
  if (refusal || !wallet) return { outcome: refusal }
  const bound = known(ledger, args)
  if (bound) return bound
  const offer = judgeEndpoint(ledger, args, wallet)
  const leased = hasLease(ledger, args.wallet_id) && { leased: true }
  if (offer.problem !== null) {
    return { outcome: offer.problem, quote: getEndpoint(ledger, args), ...leased }
  }

  const today = dayOf(ledger.now) > wallet.day ? dayOf(ledger.now) : wallet.day
  const policy = ledger.policies.get(args.wallet_id)
  const asked = { amount, policy, today, providerId: offer.providerId, walletId: args.wallet_id }
  const decline = judgeWallet(ledger, wallet, asked)
  if (decline || !policy) return { ...decline, ...leased }

  const held = args.capture === 'manual'
  const expiresAt = ledger.now + seconds(offer.holdSeconds)
  post(ledger, args.payment_id, {
    walletId: args.wallet_id,
    requestId: args.request_id,
    endpointId: args.endpoint_id,
    providerId: offer.providerId,
    amount,
    currency: args.currency,
    priceVersion: offer.version,
    resourceHash: sha256(`${args.method} ${offer.url}`).subarray(0, 16).toString('base64url'),
    state: held ? 'held' : 'settled',
    conflict: false,
    createdAt: ledger.now,
    countedOn: today,
    allowedBy: policy,
    ...untouched(),
    hold: held ? { expiresAt, ended: false } : null,
  })
  const payment = describePayment(ledger, args.payment_id)
  return {
    outcome: 'payment',
    replayed: false,
    payment,
    balance: String(wallet.balance),
  }
}

/** Out of the wallet and its counters; to the provider's inbox, or into a hold. */
function post(ledger: State, id: string, payment: Payment): void {
  const { walletId, providerId, endpointId, currency, amount, countedOn } = payment
  const wallet = ledger.wallets.get(walletId)
  if (!wallet) throw new Error('a payment was judged without its wallet')
  countSpending(wallet, countedOn, amount)
  ledger.payments.set(id, payment)
  ledger.counted.push({ walletId, paymentId: id, day: countedOn, amount })
  if (payment.hold) return
  ledger.inbox.push({ providerId, endpointId, currency, amount, paidOn: countedOn })
}
