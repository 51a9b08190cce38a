import { Hono } from 'hono'
import { formatDecimal } from '../shared/domain/money.ts'
import type { Payment } from '../shared/domain/payment.ts'
import {
  firstOf,
  judgeClaims,
  networkOf,
  type ProofClaims,
  type ProofReason,
} from '../shared/domain/proof.ts'
import type { KeyHolder } from '../shared/ports.ts'
import { malformedField } from '../shared/protocol/fields.ts'
import { paymentSummary } from '../shared/protocol/payments.ts'
import { type ProofCheck, parseVerifyRequest, reasonDetails } from '../shared/protocol/verify.ts'
import type { Deps } from './deps.ts'
import { type PayosContext, type PayosEnv, readBody, refuse } from './http.ts'

type VerifyDeps = Pick<Deps, 'callers' | 'clock' | 'environment' | 'issuer' | 'ledger' | 'proofs'>

/**
 * `POST /verify`: checks a proof, and claims or releases its first use for a provider.
 *
 * Anyone may ask whether a proof is authentic and fits, without a trip; only its provider learns
 * whether it pays their price and is used for the first time, in one trip. A provider key also
 * looks a payment up by its id and request id.
 */
export const verify = (deps: VerifyDeps) =>
  new Hono<PayosEnv>().post('/', async (c) => {
    const body = await readBody(c)
    if (!body.ok) return refuse(c, body.problem)
    const read = await parseVerifyRequest(body.value, {
      allowLoopbackHttp: deps.environment === 'test',
    })
    if (!read.ok) return refuse(c, read.problem)
    const request = read.value

    const isProviders = request.kind === 'payment' || request.check.action !== 'check'
    if (!isProviders && !hasKey(c)) return checkAlone(c, deps, request.check)

    const holder = await deps.callers.of(c, ['provider'])
    if (!holder.ok) return refuse(c, holder.problem)
    return request.kind === 'payment'
      ? lookUp(c, deps, { holder: holder.value, query: request })
      : checkWithLedger(c, deps, { holder: holder.value, check: request.check })
  })

const hasKey = (c: PayosContext) =>
  c.req.header('authorization') !== undefined || c.req.header('x-api-key') !== undefined

const invalid = (c: PayosContext, reason: ProofReason) =>
  c.json({ valid: false, reason, detail: reasonDetails[reason] })

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
  if (!read.ok) return invalid(c, read.reason)
  const { claims } = read
  const reason = firstOf(judge(deps, claims, check))
  if (reason) return invalid(c, reason)

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
  { holder, check }: { holder: KeyHolder; check: ProofCheck },
) {
  if (check.endpointId === undefined) return refuse(c, malformedField('endpointId'))
  const read = await deps.proofs.read(check.proof)
  if (!read.ok) return invalid(c, read.reason)
  const { claims } = read
  const faults = judge(deps, claims, check)

  // A proof that fails here is never claimed; the ledger is still asked whose it is, since that
  // fault is told before the others.
  const judged = await deps.ledger.checkProof(
    {
      holder,
      claims,
      endpointId: check.endpointId,
      minimum: check.minimum,
      action: faults.length > 0 ? 'check' : check.action,
      attemptId: check.attemptId,
    },
    c.var.trips,
  )
  await deps.callers.learn(c, holder.keyHash, judged.ok ? undefined : judged.problem.code)
  if (!judged.ok) return refuse(c, judged.problem)

  const { reason: ledgerReason, payment } = judged.value
  const reason = firstOf(ledgerReason ? [...faults, ledgerReason] : faults)
  if (reason || !payment) return invalid(c, reason ?? 'proof_wrong_audience')
  return c.json({ valid: true, payment: paymentSummary(payment), unchecked: uncheckedIn(check) })
}

const uncheckedIn = (check: ProofCheck) => [
  ...(check.resourceHashes === undefined ? ['resource'] : []),
  ...(check.action === 'consume' ? [] : ['first_use']),
]

/** The state of one of the provider's payments, by the names its agent has for it. */
async function lookUp(
  c: PayosContext,
  deps: VerifyDeps,
  {
    holder,
    query,
  }: { holder: KeyHolder; query: Pick<Payment, 'requestId'> & { paymentId: Payment['id'] } },
) {
  const { paymentId, requestId } = query
  const found = await deps.ledger.payment(holder, { paymentId, requestId }, c.var.trips)
  await deps.callers.learn(c, holder.keyHash, found.ok ? undefined : found.problem.code)
  if (!found.ok) return refuse(c, found.problem)
  const isGood = found.value.state === 'settled' || found.value.state === 'held'
  return c.json({ valid: isGood, payment: paymentSummary(found.value), unchecked: ['first_use'] })
}
