import type { PaymentId } from '../shared/domain/ids.ts'
import { problem } from '../shared/domain/problem.ts'
import type { ProofClaims, ProofReason } from '../shared/domain/proof.ts'
import { EXPIRY_SKEW_SECONDS } from '../shared/domain/proof-terms.ts'
import { ok, type Result } from '../shared/domain/result.ts'
import type { Promised, PromiseOutcome, Settling } from '../shared/ports/leases.ts'
import type { Proofs, Trips } from '../shared/ports.ts'

/** Why a promise that the ledger refused pays nobody. */
const unpaid: ProofReason = 'payment_expired'

export type PresentDeps = {
  settling: Settling
  clock: { nowSeconds(): number }
}

/** Whether a proof is a promise that its holder may still have settled. */
const isPresentable = (claims: ProofClaims, nowSeconds: number): boolean =>
  claims.lse !== undefined && nowSeconds <= claims.exp + EXPIRY_SKEW_SECONDS

/**
 * Settles promises that their holders show, whatever became of the stream they were noted in: what
 * is presented in time is paid. Answers why each is not, in order; nothing for those that are.
 *
 * Settling the same promise again changes nothing. Throws when the ledger does not answer.
 */
export async function settlePresented(
  { settling }: PresentDeps,
  presented: readonly Promised[],
  trips: Trips,
): Promise<(ProofReason | undefined)[]> {
  if (presented.length === 0) return []

  // A promise names its lease, so no region is asked: one that was given up is paid as well.
  const { outcomes } = await settling.settle(presented, trips)
  const refused = presented.filter((_, at) => isRefused(outcomes[at]))
  if (refused.length === 0) return presented.map(() => undefined)

  const again = await settling.settleOverdrawn(refused)
  const lost = new Set(refused.filter((_, at) => isRefused(again.outcomes[at])))
  return presented.map((promised) => (lost.has(promised) ? unpaid : undefined))
}

/** The same for the one promise a proof stands for, if it is one that still counts. */
export async function settlePromise(
  deps: PresentDeps,
  claims: ProofClaims,
  trips: Trips,
): Promise<Result<ProofReason | undefined>> {
  if (!isPresentable(claims, deps.clock.nowSeconds())) return ok(undefined)
  return settlePresented(deps, [claims], trips).then(
    ([reason]) => ok(reason),
    () => ({ ok: false, problem: noAnswer }),
  )
}

/** What its holder is told when the ledger did not say whether a promise is settled. */
export const noAnswer = problem('dependency_unavailable', {
  detail: 'The ledger did not answer.',
  hint: 'Repeat the same request.',
  retryAfterMs: 1_000,
})

type Settled = { paymentId: PaymentId | undefined; reason: ProofReason | undefined }

/** The same for proofs as their holder has them, each judged by itself. */
export async function settleProofs(
  deps: PresentDeps & { proofs: Pick<Proofs, 'read'> },
  tokens: readonly string[],
  trips: Trips,
): Promise<Settled[]> {
  const nowSeconds = deps.clock.nowSeconds()
  const read = await Promise.all(tokens.map((token) => deps.proofs.read(token)))
  const judged = read.map((it): ProofReason | undefined => {
    if (!it.ok) return it.reason
    return it.claims.lse && !isPresentable(it.claims, nowSeconds) ? 'proof_expired' : undefined
  })
  const promised = read.flatMap((it, at) =>
    it.ok && it.claims.lse && !judged[at] ? [it.claims] : [],
  )
  const reasons = await settlePresented(deps, promised, trips)
  const reasonOf = new Map(promised.map((claims, at) => [claims, reasons[at]]))
  return read.map((it, at) =>
    it.ok
      ? { paymentId: it.claims.jti, reason: judged[at] ?? reasonOf.get(it.claims) }
      : { paymentId: undefined, reason: judged[at] },
  )
}

const isRefused = (outcome: PromiseOutcome | undefined): boolean => outcome?.outcome === 'failed'
