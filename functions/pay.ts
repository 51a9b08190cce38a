import { Hono } from 'hono'
import type { Order, Settlement } from '../shared/domain/payment.ts'
import { refusalBy } from '../shared/domain/policy.ts'
import { type Problem, problem } from '../shared/domain/problem.ts'
import { refusal } from '../shared/domain/refusal.ts'
import { payAnswer } from '../shared/protocol/pay.ts'
import type { Deps } from './deps.ts'
import { type PayosContext, type PayosEnv, refuse } from './http.ts'
import { type OrderDeps, readOrder } from './order.ts'

type PayDeps = OrderDeps &
  Pick<Deps, 'ledger' | 'proofs' | 'answers' | 'seen' | 'policies' | 'meter' | 'later' | 'wakes'>

/**
 * `POST /pay`: pays one requirement and answers with the proof its provider will check.
 *
 * One trip decides. Nothing is signed that the ledger has not settled, and a repeat of the same
 * request is the same payment, on every path and after every fault.
 */
export const pay = (deps: PayDeps) =>
  new Hono<PayosEnv>().post('/', async (c) => {
    const read = await readOrder(c, deps)
    if (!read.ok) return refuse(c, read.problem)
    const order = read.value

    const stored = await storedAnswer(c, deps, order)
    if (stored !== undefined) return replay(c, stored)

    const refused = deps.proofs.canSign() ? rememberedRefusal(deps, order) : nobodySigns
    if (refused) return refuse(c, refused)

    return settle(c, deps, order)
  })

/** Asks the ledger, and learns of the key and the policy what its answer tells. */
async function settle(c: PayosContext, deps: PayDeps, order: Order): Promise<Response> {
  const settled = await deps.ledger.settle(order, c.var.trips)
  await deps.callers.learn(c, order.caller.keyHash, settled.ok ? undefined : settled.problem.code)
  if (settled.ok) return answer(c, deps, { order, settlement: settled.value })
  if (settled.policy) deps.policies.set(askedOf(order), settled.policy)
  return refuse(c, settled.problem)
}

/** Signs the proof, answers, and keeps the answer for repeats. */
async function answer(
  c: PayosContext,
  deps: PayDeps,
  { order, settlement }: { order: Order; settlement: Settlement },
): Promise<Response> {
  const { payment, replayed, balance, notified } = settlement
  const { keyHash, thumbprint = null } = order.caller
  const proof = payment.redeemable
    ? await deps.proofs.sign(payment, order.caller.thumbprint)
    : undefined

  deps.seen.add(order.id)
  if (proof) {
    const body = JSON.stringify(payAnswer(payment, { proof, balance: undefined, replayed: true }))
    const kept = { id: order.id, answer: { keyHash, thumbprint, body }, until: proof.expiresAt }
    deps.later(c, deps.answers.keep(kept))
  }
  if (notified) deps.later(c, deps.wakes.wakeOutbox(deps.clock.nowSeconds()))
  const body = JSON.stringify(payAnswer(payment, { proof, balance, replayed }))
  return replayed ? replay(c, body) : c.body(body, 200, { 'Content-Type': 'application/json' })
}

/** Refuses what the wallet's policy surely refuses, as the ledger told it within 30 seconds. */
function rememberedRefusal(deps: PayDeps, order: Order): Problem | undefined {
  if (deps.policies.size === 0) return undefined
  const policy = deps.policies.get(askedOf(order))
  const rule = policy && refusalBy(policy, order.content.amount, deps.clock.nowSeconds())
  if (policy) deps.meter.cache('policy', rule !== undefined)
  return rule && !deps.seen.maybeHas(order.id) ? refusal('policy_refused', { rule }) : undefined
}

/**
 * Who asked for what, whatever the request id. A policy is remembered for exactly that, so that it
 * is told to nobody the ledger did not tell it, and never before a problem that goes first.
 */
function askedOf({ content, caller }: Order): string {
  const { walletId, endpointId, amount, currency, method, resource } = content
  const asked = [walletId, endpointId, amount.toString(), currency, method, resource]
  return JSON.stringify([caller.keyHash, caller.thumbprint, ...asked])
}

/** The answer this caller was given before, when this isolate may have seen the payment. */
async function storedAnswer(
  c: PayosContext,
  deps: PayDeps,
  order: Order,
): Promise<string | undefined> {
  if (!deps.seen.maybeHas(order.id)) return undefined

  const stored = await deps.answers.find(order.id, c.var.trips)
  const { keyHash, thumbprint = null } = order.caller
  const theirs = stored?.keyHash === keyHash && stored.thumbprint === thumbprint
  deps.meter.cache('answer', theirs)
  return theirs ? stored.body : undefined
}

const nobodySigns = problem('dependency_unavailable', {
  detail: 'No proof can be signed now, so nothing is charged.',
  hint: 'Repeat the same request.',
  retryAfterMs: 1_000,
})

const replay = (c: PayosContext, body: string) =>
  c.body(body, 200, { 'Content-Type': 'application/json', 'Idempotency-Replayed': 'true' })
