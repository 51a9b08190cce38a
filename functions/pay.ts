import { Hono } from 'hono'
import { unknownOutcome } from '../shared/adapters/ledger-failures.ts'
import type { Order, Settlement } from '../shared/domain/payment.ts'
import { refusalBy } from '../shared/domain/policy.ts'
import { type Problem, problem } from '../shared/domain/problem.ts'
import { refusal } from '../shared/domain/refusal.ts'
import { payAnswer } from '../shared/protocol/pay.ts'
import type { Deps } from './deps.ts'
import { type PayosContext, type PayosEnv, refuse } from './http.ts'
import { type OrderDeps, readOrder } from './order.ts'
import { type AskedLease, type AskLedger, askLease, type PromiseDeps } from './promise.ts'
import { type PromisedDeps, settlePromised } from './promised.ts'

type PayDeps = OrderDeps &
  PromiseDeps &
  PromisedDeps &
  Pick<Deps, 'proofs' | 'answers' | 'seen' | 'policies'>

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
    if (stored !== undefined) return told(c, stored, { replayed: true })

    const refused = deps.proofs.canSign() ? rememberedRefusal(deps, order) : nobodySigns
    if (refused) return refuse(c, refused)

    const asked = await askLease(c, deps, order)
    if (asked.kind === 'promised') return answerPromise(c, deps, asked)
    if (asked.kind === 'conflict') return refuse(c, refusal('payment_conflict'))

    return settle(c, deps, { order, ...asked })
  })

/** Signs what the lease promised, and answers. A repeat finds the promise where it was made. */
async function answerPromise(
  c: PayosContext,
  deps: PayDeps,
  { reservation, replayed }: Extract<AskedLease, { kind: 'promised' }>,
): Promise<Response> {
  const proof = await deps.proofs.signPromise(reservation)
  const payment = { ...reservation, id: reservation.paymentId, state: 'held' as const }
  const body = JSON.stringify(payAnswer(payment, { proof, balance: undefined, replayed }))
  return told(c, body, { replayed })
}

/**
 * Asks the ledger, and learns of the key and the policy what its answer tells. Where a promise may
 * have been made before, a decline is no answer: the promise would be settled all the same.
 */
async function settle(
  c: PayosContext,
  deps: PayDeps,
  { order, mayBePromised, makeReady }: { order: Order } & AskLedger,
): Promise<Response> {
  const settled = await deps.ledger.settle(order, c.get('trips'))
  await deps.callers.learn(c, order.caller.keyHash, settled.ok ? undefined : settled.problem.code)
  if (settled.ok) {
    deps.later(c, makeReady?.())
    return answer(c, deps, { order, settlement: settled.value })
  }
  if (mayBePromised) return refuse(c, unknownOutcome(order.id).problem)
  if (settled.leased) return settlePromisedFirst(c, deps, { order, declined: settled.problem })
  if (settled.policy) deps.policies.set(askedOf(order), settled.policy)
  return refuse(c, settled.problem)
}

/** Looks where the wallet's leases are before it declines: what was promised settles, and is the answer. */
async function settlePromisedFirst(
  c: PayosContext,
  deps: PayDeps,
  { order, declined }: { order: Order; declined: Problem },
): Promise<Response> {
  const found = await settlePromised(deps, { paymentId: order.id }, c.var.trips)
  if (found.ok && !found.value) return refuse(c, declined)
  const settled = found.ok ? await deps.ledger.settle(order, c.var.trips) : found
  return settled.ok
    ? answer(c, deps, { order, settlement: settled.value })
    : refuse(c, unknownOutcome(order.id).problem)
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
  return told(c, body, { replayed })
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

/** The answer of a payment; one that was made before is marked. */
const told = (c: PayosContext, body: string, { replayed }: { replayed: boolean }) =>
  c.body(body, 200, {
    'Content-Type': 'application/json',
    ...(replayed && { 'Idempotency-Replayed': 'true' }),
  })
