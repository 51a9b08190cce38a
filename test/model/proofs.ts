import { claimFirstUse, judgeState } from './holds.ts'
import { judgeKey, paymentOfRequest } from './pay.ts'
import { priceOf, versionAt, wasValid } from './prices.ts'
import { integer, type Payment, type State, seconds } from './state.ts'
import { tellStory } from './story.ts'

const PRICE_MEMORY = seconds(180)
const SECOND_THOUGHTS = seconds(60)

type Caller = { key_id: string; key_hash: string | null }

export type CheckArgs = Caller & {
  payment_id: string
  endpoint_id: string
  audience: string
  minimum: string | null
  action: string
  attempt_id: string | null
}

/** One payment, for its agent or its provider; what is foreign looks unknown. */
export function getPayment(
  ledger: State,
  args: Caller & {
    key_kind: string
    payment_id: string | null
    wallet_id: string | null
    request_id: string | null
  },
) {
  const keys = args.key_kind === 'agent' ? ledger.agentKeys : ledger.providerKeys
  const key = keys.get(args.key_id)
  const problem = judgeKey(key, args.key_hash, ledger.now)
  if (problem) return { outcome: problem }

  const found =
    args.payment_id ?? paymentOfRequest(ledger, args.wallet_id ?? '', args.request_id ?? '')
  const payment = tellStory(ledger, found ?? '')
  const holder = args.key_kind === 'agent' ? payment?.agent_id : payment?.provider_id
  const named = args.request_id === null || args.request_id === payment?.request_id
  if (!payment || holder !== key?.holderId || !named) return { outcome: 'not_found' }
  return { outcome: 'payment', payment }
}

/** Whether the amount is a price the endpoint stands by, now or for the version it was made under. */
function covers(ledger: State, payment: Payment): boolean {
  const endpoint = ledger.endpoints.get(payment.endpointId)
  if (!endpoint) return false
  const current = versionAt(endpoint, ledger.now)
  const since = ledger.now - PRICE_MEMORY
  return [current, payment.priceVersion].some((version) => {
    const price = priceOf(endpoint, version)?.amount
    const stands = version === current || wasValid(endpoint, version, { since, now: ledger.now })
    return price !== undefined && stands && price <= payment.amount
  })
}

function judgeProof(ledger: State, args: CheckArgs, providerId: string): string | null {
  const payment = ledger.payments.get(args.payment_id)
  const foreign = payment?.providerId !== providerId
  if (!payment || foreign || args.audience !== providerId) return 'proof_wrong_audience'
  if (payment.endpointId !== args.endpoint_id) return 'proof_wrong_endpoint'
  const enough =
    args.minimum === null ? covers(ledger, payment) : payment.amount >= integer(args.minimum)
  if (!enough) return 'proof_amount_low'
  return judgeState(ledger, payment)
}

/** Claims or gives back the first use; why the caller does not have it. */
function redeem(ledger: State, args: CheckArgs): string | null {
  const attemptId = args.attempt_id ?? ''
  if (args.action === 'consume') return claimFirstUse(ledger, args.payment_id, attemptId)

  const claim = ledger.redemptions.get(args.payment_id)
  if (!claim) return null
  const tooLate = claim.claimedAt <= ledger.now - SECOND_THOUGHTS
  const captured = ledger.payments.get(args.payment_id)?.capture
  if (claim.attemptId !== attemptId || tooLate || captured) return 'proof_already_used'
  ledger.redemptions.delete(args.payment_id)
  return null
}

/** The ledger's half of verifying a proof, first use included. */
export function checkProof(ledger: State, args: CheckArgs) {
  const key = ledger.providerKeys.get(args.key_id)
  const problem = judgeKey(key, args.key_hash, ledger.now)
  if (!key || problem) return { outcome: problem }
  const serves = ledger.endpoints.get(args.endpoint_id)?.providerId === key.holderId
  if (!serves) return { outcome: 'not_found' }

  const judged = judgeProof(ledger, args, key.holderId)
  const reason = judged ?? (args.action === 'check' ? null : redeem(ledger, args))
  const own = ledger.payments.get(args.payment_id)?.providerId === key.holderId
  const payment = own ? tellStory(ledger, args.payment_id) : null
  return { outcome: 'checked', reason, payment }
}
