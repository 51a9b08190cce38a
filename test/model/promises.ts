import { countSpending, heldIn, spentIn, todayOf } from './leases.ts'
import {
  type Instant,
  type Lease,
  type Payment,
  type State,
  seconds,
  unix,
  untouched,
} from './state.ts'

/** A record as a batch has it, in any form at all. */
export type Told = Record<string, unknown>

type Promised = {
  paymentId: string
  walletId: string | undefined
  requestId: string
  endpointId: string
  providerId: string
  amount: bigint
  currency: unknown
  priceVersion: number
  resourceHash: string
  leaseId: string
  seq: number
  madeAt: Instant
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const forms: [string, RegExp][] = [
  ...['payment_id', 'endpoint_id', 'provider_id', 'lease_id'].map((name): [string, RegExp] => [
    name,
    UUID,
  ]),
  ['amount', /^[1-9]\d{0,15}$/],
  ['seq', /^[1-9]\d{0,8}$/],
  ['price_version', /^[1-9]\d{0,8}$/],
  ['made_at', /^\d{1,11}$/],
  ['resource_hash', /^[A-Za-z0-9_-]{22}$/],
  ['request_id', /^[A-Za-z0-9_-]{1,64}$/],
]

/** What a record says; nothing when it is none. */
function read(told: Told): Promised | undefined {
  const text = (name: string) => String(told[name] ?? '')
  if (forms.some(([name, form]) => !form.test(text(name)))) return undefined
  const walletId = told['wallet_id']
  if (walletId !== undefined && !UUID.test(String(walletId))) return undefined
  if (BigInt(text('amount')) >= 2n ** 53n) return undefined
  return {
    paymentId: text('payment_id'),
    walletId: walletId === undefined ? undefined : String(walletId),
    requestId: text('request_id'),
    endpointId: text('endpoint_id'),
    providerId: text('provider_id'),
    amount: BigInt(text('amount')),
    currency: told['currency'],
    priceVersion: Number(text('price_version')),
    resourceHash: text('resource_hash'),
    leaseId: text('lease_id'),
    seq: Number(text('seq')),
    madeAt: Number(text('made_at')) * 1000,
  }
}

function sameAs(payment: Payment, promised: Promised): boolean {
  const { requestId, endpointId, providerId, amount, walletId } = promised
  return (
    payment.requestId === requestId &&
    payment.endpointId === endpointId &&
    payment.providerId === providerId &&
    payment.amount === amount &&
    (walletId === undefined || payment.walletId === walletId)
  )
}

/** Why a promise is not settled from its lease; null when it is. */
function judge(ledger: State, promised: Promised, lease: Lease | undefined): string | null {
  if (!lease) return 'lease_unknown'
  const stranger = promised.walletId !== undefined && promised.walletId !== lease.walletId
  if (lease.currency !== promised.currency || stranger) return 'lease_mismatch'
  const endpoint = ledger.endpoints.get(promised.endpointId)
  const belongs = endpoint?.currency === lease.currency
  if (!belongs || endpoint.providerId !== promised.providerId) return 'endpoint_mismatch'
  if (lease.state === 'reclaimed') return 'lease_reclaimed'
  return promised.amount > heldIn(lease) ? 'lease_overdrawn' : null
}

function fork(lease: Lease): void {
  lease.forked = true
  if (lease.state === 'open') lease.state = 'revoked'
}

const isTaken = (ledger: State, lease: Lease, { requestId }: Promised): boolean =>
  [...ledger.payments.values()].some(
    (it) => it.walletId === lease.walletId && it.requestId === requestId && !it.conflict,
  )

/** Writes the payment and its credit; who pays is the caller's affair. */
function post(ledger: State, promised: Promised, paid: { countedOn: string; overdrawn: boolean }) {
  const lease = ledger.leases.get(promised.leaseId)
  if (!lease) throw new Error('a promise was judged without its lease')
  const { providerId, endpointId, amount } = promised
  const conflict = isTaken(ledger, lease, promised)
  const earliest = lease.grantedAt - seconds(30)
  const latest = Math.min(ledger.now + seconds(30), promised.madeAt)
  ledger.payments.set(promised.paymentId, {
    ...{ walletId: lease.walletId, requestId: promised.requestId, endpointId, providerId, amount },
    ...{
      currency: lease.currency,
      priceVersion: promised.priceVersion,
      state: 'settled',
      conflict,
    },
    resourceHash: promised.resourceHash,
    createdAt: Math.max(earliest, latest),
    countedOn: paid.countedOn,
    allowedBy: lease.policy,
    ...untouched(),
    lease: { id: promised.leaseId, seq: promised.seq, overdrawn: paid.overdrawn },
  })
  const credit = { providerId, endpointId, currency: lease.currency, amount }
  ledger.inbox.push({ ...credit, paidOn: paid.countedOn })
  return { outcome: conflict ? 'honoured' : 'settled' }
}

/** What a promise is, whose payment was made already: it again, or an attempt to redeem it anew. */
function judgeAgain(
  ledger: State,
  { known, promised, lease }: { known: Payment; promised: Promised; lease: Lease | undefined },
): { outcome: string; code?: string } {
  if (!sameAs(known, promised)) return failed('payment_mismatch')
  const isItself = known.lease?.id === promised.leaseId && known.lease.seq === promised.seq
  const isLate = promised.madeAt + seconds(120) > known.createdAt + seconds(15 * 60 + 30)
  if (isItself || !(isLate || known.refunds.size > 0)) return { outcome: 'replayed' }
  if (lease) ledger.leaseStops.add(lease.walletId)
  return failed('redemption_over')
}

const failed = (code: string) => ({ outcome: 'failed', code })

/** Settles one record, or says what it is. */
function settle(ledger: State, told: Told): { outcome: string; code?: string } {
  const promised = read(told)
  if (!promised) return failed('malformed')
  const known = ledger.payments.get(promised.paymentId)
  const lease = ledger.leases.get(promised.leaseId)
  if (known) return judgeAgain(ledger, { known, promised, lease })
  const code = judge(ledger, promised, lease)
  if (lease && code === 'lease_overdrawn') fork(lease)
  if (code || !lease) return failed(code ?? 'lease_unknown')

  const numbers = [...ledger.payments.values()].map((it) => it.lease)
  const twice = numbers.some((it) => it?.id === promised.leaseId && it.seq === promised.seq)
  lease.settled += promised.amount
  if (twice || lease.settled > lease.limit) fork(lease)
  return post(ledger, promised, { countedOn: lease.policyDay, overdrawn: false })
}

/** Lets the wallet pay what its lease does not cover, within balance, limit and caps; or not. */
function settleOverdraft(ledger: State, told: Told) {
  const promised = read(told)
  const lease = promised && ledger.leases.get(promised.leaseId)
  const wallet = lease && ledger.wallets.get(lease.walletId)
  const policy = lease && ledger.policies.get(lease.walletId)
  if (!promised || !lease || !wallet || !policy) return undefined
  const today = todayOf(ledger, wallet)
  const spent = spentIn(wallet, today)
  const { amount } = promised
  const covered =
    amount <= lease.limit - lease.overdraft &&
    amount <= wallet.balance &&
    amount <= policy.dayMax - spent.day &&
    amount <= policy.monthMax - spent.month
  if (!covered) return undefined

  lease.overdraft += amount
  countSpending(wallet, today, amount)
  ledger.leaseStops.add(lease.walletId)
  post(ledger, promised, { countedOn: today, overdrawn: true })
  return { outcome: 'settled' }
}

const parse = (records: string): Told[] => JSON.parse(records) as Told[]

/** Settles records one by one, which is what a batch must come to. */
export const settleBatch = (ledger: State, args: { records: string }) => ({
  as_of: unix(ledger.now),
  outcomes: parse(args.records).map((told) => settle(ledger, told)),
})

/** The same, with the wallet behind the lease, and a note of what nobody covers. */
export function settleOverdrawn(ledger: State, args: { records: string }) {
  const outcomes = parse(args.records).map((told) => {
    const id = String(told['payment_id'])
    const first = settle(ledger, told)
    const outcome = (first.code === 'lease_overdrawn' && settleOverdraft(ledger, told)) || first
    const noted = ledger.unfunded.get(id)
    if (outcome.outcome !== 'failed' && noted) noted.funded = true
    const unfunded = ['lease_overdrawn', 'lease_reclaimed'].includes(first.code ?? '')
    if (outcome === first && unfunded && !noted) {
      ledger.unfunded.set(id, { code: first.code ?? '', funded: false })
    }
    return outcome
  })
  return { as_of: unix(ledger.now), outcomes }
}
