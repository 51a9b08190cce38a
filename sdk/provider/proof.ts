import { parseAtomic } from '../../shared/domain/decimal.ts'
import { uuidForm } from '../../shared/domain/uuid.ts'
import { isRecord } from '../../shared/protocol/x402.ts'

/** Why a proof is not accepted. The first that applies, in this order, is told. */
export type ProofReason =
  | 'ambiguous_proof'
  | 'proof_malformed'
  | 'proof_key_unknown'
  | 'key_revoked'
  | 'proof_signature_invalid'
  | 'proof_wrong_issuer'
  | 'proof_wrong_audience'
  | 'proof_wrong_endpoint'
  | 'proof_wrong_network'
  | 'proof_expired'
  | 'proof_not_yet_valid'
  | 'proof_amount_low'
  /** It is a promise, which this provider does not take, or could not collect without a key. */
  | 'proof_not_settled'
  | 'proof_wrong_resource'
  | 'payment_refunded'
  | 'payment_voided'
  | 'payment_expired'
  | 'proof_already_used'
  /** A hold that cannot be captured as asked. */
  | 'hold_expired'
  | 'duplicate_settlement'
  | 'settle_conflict'
  | 'unauthorized_server'

/**
 * What a proof says: `amount` atomic units of `currency` moved, or are held, for `providerId`.
 * Times in unix seconds.
 */
export type Proof = {
  paymentId: string
  requestId: string
  endpointId: string
  providerId: string
  agentId: string
  issuer: string
  network: string
  amount: bigint
  currency: string
  priceVersion: number
  /** Base64url of half of SHA-256 over `METHOD URL`. */
  resourceHash: string
  status: 'settled' | 'held'
  issuedAt: number
  expiresAt: number
  /** Nothing accepts a proof of this payment after it. */
  redeemableUntil: number
  /** A held payment must be captured by then. */
  captureBy: number | undefined
  /** The lease it was promised from: it settles itself. */
  lease: string | undefined
  /** Thumbprint of the agent's key. */
  keyThumbprint: string | undefined
}

/** The payment a handler runs for. */
export type Payment = Proof & {
  /**
   * Takes less than was held, in atomic units; nothing voids the hold. Only of held payments: the
   * agent asked for `capture: 'manual'`.
   *
   * @throws RangeError when it is more than was held, or the payment is settled.
   */
  charge(amount: bigint): void
}

/** How a payment is named to its provider. */
export const namesOf = ({ paymentId, agentId }: Proof) => ({ paymentId, agentId })

const texts = ['jti', 'eid', 'rid', 'aud', 'sub', 'iss', 'network', 'asset', 'rsh'] as const
const times = ['pv', 'iat', 'exp', 'rdm'] as const

type Claims = Record<(typeof texts)[number] | 'amount' | 'st', string> &
  Record<(typeof times)[number], number> & {
    holdExp?: number
    lse?: string
    cnf?: { jkt?: unknown }
  }

/** Reads the claims of an authentic proof; `undefined` when any is missing or of another type. */
export function readClaims(value: unknown): Proof | undefined {
  const amount = isRecord(value) ? parseAtomic(value['amount']) : undefined
  if (amount === undefined || !hasClaims(value)) return undefined
  return {
    paymentId: value.jti,
    requestId: value.rid,
    endpointId: value.eid,
    providerId: value.aud,
    agentId: value.sub,
    issuer: value.iss,
    network: value.network,
    amount,
    currency: value.asset,
    priceVersion: value.pv,
    resourceHash: value.rsh,
    status: value.st === 'held' ? 'held' : 'settled',
    issuedAt: value.iat,
    expiresAt: value.exp,
    redeemableUntil: value.rdm,
    captureBy: value.holdExp,
    lease: value.lse,
    keyThumbprint: value.cnf?.jkt as string | undefined,
  }
}

function hasClaims(value: unknown): value is Claims {
  if (!isRecord(value)) return false
  const { jti, eid, st, holdExp = 0, lse = '', cnf = { jkt: '' } } = value
  return (
    texts.every((name) => typeof value[name] === 'string') &&
    times.every((name) => isTime(value[name])) &&
    uuidForm.test(`${jti}`) &&
    uuidForm.test(`${eid}`) &&
    (st === 'settled' || st === 'held') &&
    isTime(holdExp) &&
    typeof lse === 'string' &&
    isRecord(cnf) &&
    typeof cnf['jkt'] === 'string'
  )
}

const isTime = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0
