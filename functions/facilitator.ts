import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { PaymentId } from '../shared/domain/ids.ts'
import { type Problem, problems } from '../shared/domain/problem.ts'
import { firstOf, judgeClaims, type ProofClaims, type ProofReason } from '../shared/domain/proof.ts'
import { networkOf } from '../shared/domain/proof-terms.ts'
import type { KeyHolder } from '../shared/ports.ts'
import {
  type Asked,
  extensionAnswer,
  type FacilitatorReason,
  facilitatorDetails,
  judgeAsked,
  readAsked,
  settledAnswer,
} from '../shared/protocol/facilitator.ts'
import { encodeHeader } from '../shared/protocol/x402.ts'
import type { Deps } from './deps.ts'
import { headersOf, type PayosContext } from './http.ts'
import { settlePromise } from './present.ts'
import { askOfPayment } from './promised.ts'

export type FacilitatorDeps = Pick<
  Deps,
  | 'callers'
  | 'clock'
  | 'environment'
  | 'issuer'
  | 'later'
  | 'ledger'
  | 'proofs'
  | 'regions'
  | 'settling'
  | 'wakes'
>

/** What judging takes; only settling tells anyone of it. */
type JudgeDeps = Omit<FacilitatorDeps, 'later' | 'wakes'>

/** What is said in both faces' words when it is no. */
type Refused = { reason: string; message: string; payer?: string | undefined }

const said = (reason: FacilitatorReason, payer?: string): Refused => ({
  reason,
  message: facilitatorDetails[reason],
  payer,
})

/** One face of the facilitator: how it says no. */
type Face = (refused: Refused) => Record<string, unknown>

const verifyFace: Face = ({ reason, message, payer }) => ({
  isValid: false,
  invalidReason: reason,
  invalidMessage: message,
  payer,
})

const settleFace =
  (network: string, transaction = ''): Face =>
  ({ reason, message, payer }) => ({
    success: false,
    errorReason: reason,
    errorMessage: message,
    payer,
    transaction,
    network,
  })

/** A problem keeps its status and headers: who may not ask, or asks too much, is told by HTTP. */
function refuseAs(c: PayosContext, face: Face, problem: Problem): Response {
  c.set('outcome', problem.code)
  const status = problems[problem.code].status as ContentfulStatusCode
  const body = face({ reason: problem.code, message: problem.detail })
  return c.json(body, status, headersOf(problem))
}

type Judged = { ok: true; claims: ProofClaims } | { ok: false; refused: Refused }

/** Reads the proof and judges all that needs no ledger; what a caller may ignore is named. */
async function judgeProof(
  c: PayosContext,
  deps: JudgeDeps,
  { asked, ignored }: { asked: Asked; ignored: readonly ProofReason[] },
): Promise<Judged> {
  const proof = await deps.proofs.read(asked.proof)
  if (!proof.ok) return { ok: false, refused: said(proof.reason) }
  const { claims } = proof
  const { payTo, endpointId, amount } = asked.requirements
  const faults = judgeClaims(claims, {
    issuer: deps.issuer,
    network: networkOf(deps.environment),
    nowSeconds: deps.clock.nowSeconds(),
    endpointId,
    minimum: amount,
  }).filter((fault) => !ignored.includes(fault))
  if (claims.aud !== payTo) faults.push('proof_wrong_audience')

  const mismatch = await judgeAsked(claims, asked)
  if (asked.identifier) {
    c.header('EXTENSION-RESPONSES', encodeHeader(extensionAnswer(mismatch === undefined)))
  }
  const reason = firstOf(faults) ?? mismatch
  return reason ? { ok: false, refused: said(reason, claims.sub) } : { ok: true, claims }
}

/**
 * `POST /verify` in the open standard's shape. It reads and claims nothing: with a provider key the
 * ledger is asked too, without one the proof alone is judged. What cannot be seen from here, the
 * method and URL of the request and its first use, is named in `extra.unchecked`.
 */
export async function verifyStandard(
  c: PayosContext,
  deps: JudgeDeps,
  body: object,
): Promise<Response> {
  const read = readAsked(body, networkOf(deps.environment))
  if (!read.ok) return c.json(verifyFace(said(read.reason)), read.malformed ? 400 : 200)
  const { asked } = read
  const withKey = ['authorization', 'x-api-key'].some((name) => c.req.header(name) !== undefined)
  const holder = withKey ? await deps.callers.of(c, ['provider']) : undefined
  if (holder?.ok === false) return refuseAs(c, verifyFace, holder.problem)

  const judged = await judgeProof(c, deps, { asked, ignored: [] })
  if (!judged.ok) return c.json(verifyFace(judged.refused))
  const { claims } = judged
  if (!holder) return c.json(validAnswer(claims.sub, ['resource', 'state', 'first_use']))
  return verifyWithLedger(c, deps, { holder: holder.value, asked, claims })
}

const validAnswer = (payer: string, unchecked: string[]) => ({
  isValid: true,
  payer,
  extra: { unchecked },
})

/** Asks the ledger whether the payment is the caller's and still good; a promise is settled first. */
async function verifyWithLedger(
  c: PayosContext,
  deps: JudgeDeps,
  { holder, asked, claims }: { holder: KeyHolder; asked: Asked; claims: ProofClaims },
): Promise<Response> {
  const promise = await settlePromise(deps, claims, c.var.trips)
  if (!promise.ok) return refuseAs(c, verifyFace, promise.problem)
  if (promise.value) return c.json(verifyFace(said(promise.value, claims.sub)))

  const { endpointId, amount: minimum } = asked.requirements
  const query = { holder, claims, endpointId, minimum, attemptId: undefined }
  const checked = await deps.ledger.checkProof({ ...query, action: 'check' }, c.var.trips)
  await deps.callers.learn(c, holder.keyHash, checked.ok ? undefined : checked.problem.code)
  if (!checked.ok && checked.problem.code !== 'not_found') {
    return refuseAs(c, verifyFace, checked.problem)
  }
  const reason = checked.ok ? verdictOf(checked.value, asked) : 'unauthorized_server'
  return reason
    ? c.json(verifyFace(said(reason, claims.sub)))
    : c.json(validAnswer(claims.sub, ['resource', 'first_use']))
}

type Checked = Extract<
  Awaited<ReturnType<JudgeDeps['ledger']['checkProof']>>,
  { ok: true }
>['value']

/** What was settled once is not verified for another attempt: its proof is used up. */
function verdictOf({ reason, payment }: Checked, asked: Asked): FacilitatorReason | undefined {
  const { capture } = payment ?? {}
  const isFirst = asked.attemptId !== undefined && capture?.attemptId === asked.attemptId
  return reason ?? (capture && !isFirst ? 'duplicate_settlement' : undefined)
}

/**
 * `POST /settle` in the open standard's shape: captures the amount of the requirements, up to what
 * the proof says; `"0"` voids. It judges all that `/verify` does but the proof's expiry, since a hold
 * may be captured later, and needs no `/verify` before it. The same again is the same answer.
 */
export async function settleStandard(
  c: PayosContext,
  deps: FacilitatorDeps,
  body: object,
): Promise<Response> {
  const network = networkOf(deps.environment)
  const face = settleFace(network)
  const read = readAsked(body, network)
  if (!read.ok) return c.json(face(said(read.reason)), read.malformed ? 400 : 200)
  const { asked } = read
  const holder = await deps.callers.of(c, ['provider'])
  if (!holder.ok) return refuseAs(c, face, holder.problem)
  const judged = await judgeProof(c, deps, {
    asked,
    ignored: ['proof_expired', 'proof_amount_low'],
  })
  if (!judged.ok) return c.json(face(judged.refused))

  const { claims } = judged
  const promise = await settlePromise(deps, claims, c.var.trips)
  if (!promise.ok) return refuseAs(c, face, promise.problem)
  if (promise.value) return c.json(face(said(promise.value, claims.sub)))
  const query = {
    holder: holder.value,
    paymentId: claims.jti,
    amount: asked.requirements.amount,
    attemptId: asked.attemptId,
  }
  const settled = await askOfPayment(c, deps, {
    holder: holder.value,
    query: { paymentId: claims.jti },
    ask: () => deps.ledger.capture(query, c.var.trips),
  })
  if (!settled.ok)
    return notSettled(c, { problem: settled.problem, network, paymentId: claims.jti })
  if (settled.value.reason) return c.json(face(said(settled.value.reason, claims.sub)))
  if (settled.value.notified) deps.later(c, deps.wakes.wakeOutbox(deps.clock.nowSeconds()))
  return c.json(settledAnswer(settled.value.payment, network))
}

/** An unknown outcome has a word in the standard, on which servers settle the same once more. */
function notSettled(
  c: PayosContext,
  { problem, network, paymentId }: { problem: Problem; network: string; paymentId: PaymentId },
): Response {
  if (problem.code !== 'outcome_unknown') return refuseAs(c, settleFace(network), problem)
  c.set('outcome', problem.code)
  return c.json(settleFace(network, paymentId)(said('settlement_pending')))
}
