import { problem } from '../shared/domain/problem.ts'
import { ok, type Result } from '../shared/domain/result.ts'
import type { Found, LeaseStore } from '../shared/ports/leases.ts'
import type { KeyHolder, PaymentQuery, Trips } from '../shared/ports.ts'
import type { Deps } from './deps.ts'
import type { PayosContext } from './http.ts'
import { noAnswer, type PresentDeps, settlePresented } from './present.ts'

export type PromisedDeps = PresentDeps & Pick<Deps, 'regions'>

type Asking<Value> = {
  holder: KeyHolder
  /** The payment that is meant. */
  query: PaymentQuery
  /** One call of the ledger, safe to repeat. */
  ask: () => Promise<Result<Value>>
}

/**
 * What the ledger says of one payment, promised ones included: one it does not know is looked for
 * where payments are promised, settled, and asked for once more. Takes note of the key.
 *
 * Nothing is called unknown while a region does not answer: an agent would pay it again.
 */
export async function askOfPayment<Value extends object>(
  c: PayosContext,
  deps: PromisedDeps & Pick<Deps, 'callers'>,
  { holder, query, ask }: Asking<Value>,
): Promise<Result<Value>> {
  const said = await ask()
  await deps.callers.learn(c, holder.keyHash, said.ok ? undefined : said.problem.code)
  if (!isUnknown(said)) return said
  const settled = await settlePromised(deps, query, c.var.trips)
  if (!settled.ok) return settled
  return settled.value ? ask() : said
}

/** The ledger tells what it has not and what is another's in the same words. */
const isUnknown = <Value extends object>(said: Result<Value>): boolean =>
  said.ok
    ? 'reason' in said.value && said.value.reason === 'unauthorized_server'
    : said.problem.code === 'not_found'

/** Settles a payment that some region promised; whether there was one to settle, if that is known. */
export async function settlePromised(
  deps: PromisedDeps,
  query: PaymentQuery,
  trips: Trips,
): Promise<Result<boolean>> {
  let isCertain = true
  for (const { leases } of deps.regions) {
    const found = await findIn(leases, query, trips)
    if (found.kind === 'unanswered') isCertain = false
    if (found.kind !== 'found') continue

    const refused = await settlePresented(deps, [found.reservation], trips).catch(() => undefined)
    if (!refused) return { ok: false, problem: noAnswer }
    // What one region's lease does not pay, another's may: one request can be promised in both.
    if (!refused[0]) return ok(true)
  }
  return isCertain ? ok(false) : { ok: false, problem: silentRegion }
}

async function findIn(
  leases: LeaseStore,
  { paymentId, walletId, requestId }: PaymentQuery,
  trips: Trips,
): Promise<Found> {
  if (paymentId) return leases.find(paymentId, trips)
  if (walletId && requestId) return leases.findRequest({ walletId, requestId }, trips)
  return { kind: 'absent' }
}

const silentRegion = problem('dependency_unavailable', {
  detail: 'This payment may have been promised, and not all that would know have answered.',
  hint: 'Repeat the same request. Do not pay anew.',
  retryAfterMs: 1_000,
})
