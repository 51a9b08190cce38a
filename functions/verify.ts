import { Hono } from 'hono'
import type { EndpointId } from '../shared/domain/ids.ts'
import { formatDecimal } from '../shared/domain/money.ts'
import type { Payment } from '../shared/domain/payment.ts'
import { firstOf, judgeClaims, type ProofClaims, type ProofReason } from '../shared/domain/proof.ts'
import { networkOf } from '../shared/domain/proof-terms.ts'
import { isStandard } from '../shared/protocol/facilitator.ts'
import { malformedField } from '../shared/protocol/fields.ts'
import { paymentSummary } from '../shared/protocol/payments.ts'
import { type ProofCheck, parseVerifyRequest, reasonDetails } from '../shared/protocol/verify.ts'
import { readBody } from './body.ts'
import type { Deps } from './deps.ts'
import { verifyStandard } from './facilitator.ts'
import { type PayosContext, type PayosEnv, refuse } from './http.ts'
import { noAnswer, settlePromise, settleProofs } from './present.ts'
import { askOfPayment } from './promised.ts'

type VerifyDeps = Pick<
  Deps,
  | 'callers'
  | 'clock'
  | 'environment'
  | 'issuer'
  | 'ledger'
  | 'meter'
  | 'proofs'
  | 'regions'
  | 'settling'
>

/**
 * `POST /verify`: checks a proof, and claims or releases its first use for a provider.
 *
 * Anyone may ask whether a proof is authentic and fits, without a trip; only its provider learns
 * whether it pays their price and is used for the first time, in one trip. A provider key also
 * looks a payment up by its id and request id.
 */
export const verify = (deps: VerifyDeps) =>
  new Hono<PayosEnv>().post('/', async (c) => {
    const body = await readBody(c.req.raw, 'proofs')
    if (!body.ok) return refuse(c, body.problem)
    if (isStandard(body.value)) return verifyStandard(c, deps, body.value)

    const read = await parseVerifyRequest(body.value, {
      allowLoopbackHttp: deps.environment === 'test',
    })
    if (!read.ok) return refuse(c, read.problem)
    const request = read.value
    if (request.kind === 'payment') return lookUp(c, deps, request)
    if (request.kind === 'proofs') return presentAll(c, deps, request.proofs)
    return checkOne(c, deps, request.check)
  })

/** Checks a proof with the ledger for a provider; alone for anyone else. */
function checkOne(c: PayosContext, deps: VerifyDeps, check: ProofCheck) {
  const { endpointId } = check
  if (check.action === 'check' && !hasKey(c)) return checkAlone(c, deps, check)
  if (endpointId === undefined) return refuse(c, malformedField('endpointId'))
  return checkWithLedger(c, deps, { ...check, endpointId })
}

const hasKey = (c: PayosContext) =>
  c.req.header('authorization') !== undefined || c.req.header('x-api-key') !== undefined

function invalid(c: PayosContext, { meter }: VerifyDeps, reason: ProofReason) {
  meter.refused('proof', reason)
  return c.json({ valid: false, reason, detail: reasonDetails[reason] })
}

/** What the claims alone say, against what the caller told about its request. */
const judge = (deps: VerifyDeps, claims: ProofClaims, check: ProofCheck): ProofReason[] =>
  judgeClaims(claims, {
    issuer: deps.issuer,
    network: networkOf(deps.environment),
    nowSeconds: deps.clock.nowSeconds(),
    endpointId: check.endpointId,
    minimum: check.minimum,
    resourceHashes: check.resourceHashes,
  })

/** Checks a proof for anyone: no trip, and what could not be judged is named. */
async function checkAlone(c: PayosContext, deps: VerifyDeps, check: ProofCheck) {
  const read = await deps.proofs.read(check.proof)
  if (!read.ok) return invalid(c, deps, read.reason)
  const { claims } = read
  const reason = firstOf(judge(deps, claims, check))
  if (reason) return invalid(c, deps, reason)

  return c.json({
    valid: true,
    payment: {
      paymentId: claims.jti,
      requestId: claims.rid,
      endpointId: claims.eid,
      agentId: claims.sub,
      amount: formatDecimal(claims.amount, claims.asset),
      currency: claims.asset,
      status: claims.st,
    },
    unchecked: [
      'audience',
      ...(check.endpointId === undefined ? ['endpoint'] : []),
      ...(check.minimum === undefined ? ['amount'] : []),
      ...(check.resourceHashes === undefined ? ['resource'] : []),
      'first_use',
    ],
  })
}

/** Checks a proof for its provider: the ledger judges price and state, and claims the first use. */
async function checkWithLedger(
  c: PayosContext,
  deps: VerifyDeps,
  check: ProofCheck & { endpointId: EndpointId },
) {
  const holder = await deps.callers.of(c, ['provider'])
  if (!holder.ok) return refuse(c, holder.problem)
  const read = await deps.proofs.read(check.proof)
  if (!read.ok) return invalid(c, deps, read.reason)
  const { claims } = read
  // What was claimed in time can be given back, else its agent could not have it proved again.
  const faults = judge(deps, claims, check).filter(
    (reason) => check.action !== 'release' || reason !== 'proof_expired',
  )

  // A promise is settled before anyone relies on it; what the ledger refuses pays nobody.
  const presented = await settlePromise(deps, claims, c.var.trips)
  if (!presented.ok) return refuse(c, presented.problem)
  if (presented.value) return invalid(c, deps, presented.value)

  // A proof that fails here is never claimed; the ledger is still asked whose it is, since that
  // fault is told before the others.
  const judged = await deps.ledger.checkProof(
    {
      holder: holder.value,
      claims,
      endpointId: check.endpointId,
      minimum: check.minimum,
      action: faults.length > 0 ? 'check' : check.action,
      attemptId: check.attemptId,
    },
    c.var.trips,
  )
  await deps.callers.learn(c, holder.value.keyHash, judged.ok ? undefined : judged.problem.code)
  if (!judged.ok) return refuse(c, judged.problem)

  const { reason: ledgerReason, payment } = judged.value
  const reason = firstOf(ledgerReason ? [...faults, ledgerReason] : faults)
  if (reason || !payment) return invalid(c, deps, reason ?? 'proof_wrong_audience')
  return c.json({ valid: true, payment: paymentSummary(payment), unchecked: uncheckedIn(check) })
}

/** Settles the promises a provider accepted, and says of each whether it is paid. */
async function presentAll(c: PayosContext, deps: VerifyDeps, proofs: readonly string[]) {
  const holder = await deps.callers.of(c, ['provider'])
  if (!holder.ok) return refuse(c, holder.problem)
  const settled = await settleProofs(deps, proofs, c.var.trips).catch(() => undefined)
  if (!settled) return refuse(c, noAnswer)
  for (const { reason } of settled) if (reason) deps.meter.refused('proof', reason)
  return c.json({
    results: settled.map(({ paymentId, reason }) => ({
      valid: reason === undefined,
      ...(paymentId && { paymentId }),
      ...(reason && { reason, detail: reasonDetails[reason] }),
    })),
  })
}

const uncheckedIn = (check: ProofCheck) => [
  ...(check.resourceHashes === undefined ? ['resource'] : []),
  ...(check.action === 'consume' ? [] : ['first_use']),
]

/** The state of one of the provider's payments, by the names its agent has for it. */
async function lookUp(
  c: PayosContext,
  deps: VerifyDeps,
  query: Pick<Payment, 'requestId'> & { paymentId: Payment['id'] },
) {
  const holder = await deps.callers.of(c, ['provider'])
  if (!holder.ok) return refuse(c, holder.problem)
  const { paymentId, requestId } = query
  const found = await askOfPayment(c, deps, {
    holder: holder.value,
    query: { paymentId },
    ask: () => deps.ledger.payment(holder.value, { paymentId, requestId }, c.var.trips),
  })
  if (!found.ok) return refuse(c, found.problem)
  const isGood = found.value.state === 'settled' || found.value.state === 'held'
  return c.json({ valid: isGood, payment: paymentSummary(found.value), unchecked: ['first_use'] })
}
