import { capture, expireHolds } from './holds.ts'
import { grantLease, putSettlement, resumeLeases, revokeLeases, stopLeases } from './leases.ts'
import { deposit, getTotals, payOut, rollUp } from './money.ts'
import {
  putAgent,
  putEndpoint,
  putEndpointTerms,
  putKey,
  putOwner,
  putPolicy,
  putProvider,
  putSigner,
  putWallet,
  revokeKey,
} from './parties.ts'
import { settlePayment } from './pay.ts'
import { announcePrice, getEndpoint, listEndpoints } from './prices.ts'
import { settleBatch, settleOverdrawn } from './promises.ts'
import { checkProof, getPayment } from './proofs.ts'
import { noteDrained, reclaimLeases } from './reclaims.ts'
import { refund } from './refunds.ts'
import { Raised, type State } from './state.ts'

export { conservation } from './conservation.ts'
export { paymentId } from './pay.ts'
export { emptyLedger, type State } from './state.ts'

/**
 * The whole ledger as it ought to be: each function of the schema `api`, told again in one thread.
 *
 * An operation reads no clock and no file. It answers what the database answers, in the same
 * words, and has changed the state when it returns; when it throws `Raised`, it has not.
 */
const operations = {
  put_x402_owner: putOwner,
  put_x402_agent: putAgent,
  put_x402_wallet: putWallet,
  put_x402_policy: putPolicy,
  put_x402_provider: putProvider,
  put_x402_key: putKey,
  revoke_x402_key: revokeKey,
  put_x402_signer: putSigner,
  put_x402_endpoint: putEndpoint,
  put_x402_endpoint_terms: putEndpointTerms,
  announce_x402_price: announcePrice,
  deposit_x402_funds: deposit,
  pay_out_x402_earnings: payOut,
  roll_up_x402_credits: rollUp,
  get_x402_totals: (ledger: State, _: Record<string, never>) => getTotals(ledger),
  settle_x402_payment: settlePayment,
  capture_x402_payment: capture,
  expire_x402_holds: expireHolds,
  refund_x402_payment: refund,
  get_x402_endpoint: getEndpoint,
  list_x402_endpoints: listEndpoints,
  get_x402_payment: getPayment,
  check_x402_proof: checkProof,
  put_x402_settlement: putSettlement,
  grant_x402_lease: grantLease,
  revoke_x402_leases: revokeLeases,
  stop_x402_leases: stopLeases,
  resume_x402_leases: resumeLeases,
  settle_x402_batch: settleBatch,
  settle_x402_overdrawn: settleOverdrawn,
  note_x402_drained: noteDrained,
  reclaim_x402_leases: reclaimLeases,
}

type Operations = typeof operations

/** One call of a function by its name, with its arguments by theirs. */
export type Call = {
  [Name in keyof Operations]: { name: Name; args: Parameters<Operations[Name]>[1] }
}[keyof Operations]

/** What the ledger answers, or the SQLSTATE it raises. */
export function answer(ledger: State, call: Call): unknown {
  const operation = operations[call.name] as (ledger: State, args: Call['args']) => unknown
  try {
    return operation(ledger, call.args)
  } catch (cause) {
    if (cause instanceof Raised) return { raised: cause.sqlstate }
    throw cause
  }
}
