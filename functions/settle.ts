import { Hono } from 'hono'
import type { PaymentId } from '../shared/domain/ids.ts'
import { firstOf, judgeClaims, type ProofReason } from '../shared/domain/proof.ts'
import { networkOf } from '../shared/domain/proof-terms.ts'
import { ok, type Result } from '../shared/domain/result.ts'
import { isStandard } from '../shared/protocol/facilitator.ts'
import {
  parseSettleRequest,
  type SettleRequest,
  settleAnswer,
  settleRefusal,
} from '../shared/protocol/settle.ts'
import { readBody } from './body.ts'
import { type FacilitatorDeps, settleStandard } from './facilitator.ts'
import { type PayosContext, type PayosEnv, refuse } from './http.ts'
import { settlePromise } from './present.ts'
import { askOfPayment } from './promised.ts'

/**
 * `POST /settle`: a provider captures a payment in whole or part, or voids it with `"0"`.
 *
 * The ledger decides every race in the one trip and says which attempt was first. A payment that
 * settled by itself takes the whole amount and moves nothing; one that was only promised is settled
 * first. The same again is the same answer.
 */
export const settle = (deps: FacilitatorDeps) =>
  new Hono<PayosEnv>().post('/', async (c) => {
    const body = await readBody(c.req.raw)
    if (!body.ok) return refuse(c, body.problem)
    if (isStandard(body.value)) return settleStandard(c, deps, body.value)

    const read = parseSettleRequest(body.value)
    return read.ok ? capture(c, deps, read.value) : refuse(c, read.problem)
  })

async function capture(
  c: PayosContext,
  deps: FacilitatorDeps,
  { target, amount, attemptId }: SettleRequest,
): Promise<Response> {
  const holder = await deps.callers.of(c, ['provider'])
  if (!holder.ok) return refuse(c, holder.problem)
  const named = 'proof' in target ? await paymentOf(c, deps, target.proof) : ok(target)
  if (!named.ok) return refuse(c, named.problem)
  if ('reason' in named.value) return c.json(settleRefusal(named.value.reason, undefined))

  const query = { holder: holder.value, paymentId: named.value.paymentId, amount, attemptId }
  const settled = await askOfPayment(c, deps, {
    holder: holder.value,
    query: { paymentId: query.paymentId },
    ask: () => deps.ledger.capture(query, c.var.trips),
  })
  if (!settled.ok) return refuse(c, settled.problem)
  if (settled.value.reason) {
    return c.json(settleRefusal(settled.value.reason, settled.value.payment))
  }
  if (settled.value.notified) deps.later(c, deps.wakes.wakeOutbox(deps.clock.nowSeconds()))
  return c.json(settleAnswer(settled.value.payment))
}

type Named = { paymentId: PaymentId } | { reason: ProofReason }

/**
 * The payment an authentic proof speaks of, settled if it was only promised. The proof may have
 * expired: a hold outlives its proofs.
 */
async function paymentOf(
  c: PayosContext,
  deps: FacilitatorDeps,
  proof: string,
): Promise<Result<Named>> {
  const read = await deps.proofs.read(proof)
  if (!read.ok) return ok({ reason: read.reason })
  const faults = judgeClaims(read.claims, {
    issuer: deps.issuer,
    network: networkOf(deps.environment),
    nowSeconds: deps.clock.nowSeconds(),
  })
  const reason = firstOf(faults.filter((fault) => fault !== 'proof_expired'))
  if (reason) return ok({ reason })
  const promise = await settlePromise(deps, read.claims, c.var.trips)
  if (!promise.ok) return promise
  return ok(promise.value ? { reason: promise.value } : { paymentId: read.claims.jti })
}
