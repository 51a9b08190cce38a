import type { State } from '../model/ledger.ts'
import type { Witness } from './witness.ts'

type AtRest = {
  ledger: State
  witness: Witness
  /** Records that still lie in streams. */
  waiting: number
  /** Proofs that a provider was told are good. */
  accepted: ReadonlySet<string>
  /** Requests whose last answer was a decline, with nothing before it that could have been applied. */
  declined: ReadonlyMap<string, string>
  /** Payments whose proof nobody showed. */
  abandoned: ReadonlySet<string>
}

/** What must hold when nothing is under way any more and everything has had its time. */
export function judgeRest(rest: AtRest): void {
  const { ledger, witness, waiting, accepted, declined, abandoned } = rest
  witness.judgeRunning()
  witness.judgeBooks(ledger)
  witness.hold('V1', waiting === 0, () => `${waiting} records were never drained`)
  for (const [id, lease] of ledger.leases) {
    witness.hold('V2', lease.state === 'reclaimed', () => `${id} still holds escrow`)
  }
  for (const id of accepted) {
    witness.hold('F3', ledger.payments.has(id), () => `${id} was called settled`)
  }
  for (const [id, code] of declined) {
    witness.hold('O3', !ledger.payments.has(id), () => `${id} was declined (${code}) and settled`)
  }
  for (const id of abandoned) {
    const isPromise = ledger.payments.get(id)?.lease !== undefined
    if (isPromise) witness.meet('a promise was paid whose proof nobody showed')
  }
  judgePromises(ledger, witness)
}

/** Each record that no Redis lost came to an outcome: settled, or noted where histories split. */
function judgePromises(ledger: State, witness: Witness): void {
  for (const [id, promises] of witness.reserved) {
    if (ledger.payments.has(id) || witness.lost.has(id)) continue
    const split = promises.some(({ leaseId }) => {
      const lease = ledger.leases.get(leaseId)
      return lease !== undefined && witness.forksOf(lease) > 0
    })
    if (split) witness.meet('a proof nobody paid, where histories split')
    else witness.blame('V1', `${id} was promised and came to nothing`)
  }
}
