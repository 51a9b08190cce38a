import * as z from 'zod'
import {
  AgentId,
  EndpointId,
  LeaseId,
  PaymentId,
  ProviderId,
  RequestId,
  WalletId,
} from '../domain/ids.ts'
import type { Reservation } from '../domain/lease.ts'
import { Amount, Currency } from '../domain/money.ts'
import { REDEMPTION_SECONDS } from '../domain/payment.ts'
import type { ProofClaims } from '../domain/proof.ts'
import { resourceHash } from '../domain/resource.ts'

const Whole = z
  .string()
  .regex(/^\d{1,15}$/)
  .transform((digits) => Number.parseInt(digits, 10))
const Positive = Whole.pipe(z.int().positive())

/** The lines of a record, in order. None can hold a line feed. Only reserve.ts writes them. */
const lines = {
  version: z.literal('1'),
  paymentId: PaymentId,
  walletId: WalletId,
  agentId: AgentId,
  requestId: RequestId,
  endpointId: EndpointId,
  providerId: ProviderId,
  amount: Amount,
  currency: Currency,
  priceVersion: Positive,
  method: z.string().min(1),
  resource: z.string().min(1),
  leaseId: LeaseId,
  epoch: Positive,
  seq: Positive,
  madeAt: Whole,
  expiresAt: Whole,
  keyHash: z.string().length(64),
  thumbprint: z.string().transform((text) => text || undefined),
}
const names = Object.keys(lines)
const Lines = z.object(lines)

/**
 * Reads a record as it lies in a stream; nothing when it is of another version or form.
 *
 * A later version is read beside this one, never instead: records outlive a deployment.
 */
export function readReservation(text: string): Reservation | undefined {
  const values = text.split('\n')
  if (values.length !== names.length) return undefined
  const read = Lines.safeParse(Object.fromEntries(names.map((name, at) => [name, values[at]])))
  if (!read.success) return undefined
  const { version: _, ...reservation } = read.data
  return reservation
}

/** What `api.settle_x402_batch` takes of each promise. */
export type BatchRecord = {
  payment_id: string
  /** Absent in what a proof says; the lease knows. */
  wallet_id?: string
  request_id: string
  endpoint_id: string
  provider_id: string
  amount: string
  currency: string
  price_version: number
  resource_hash: string
  lease_id: string
  seq: number
  made_at: number
}

/** A promise as the ledger settles it. */
export const batchRecord = async (promised: Reservation): Promise<BatchRecord> => ({
  payment_id: promised.paymentId,
  wallet_id: promised.walletId,
  request_id: promised.requestId,
  endpoint_id: promised.endpointId,
  provider_id: promised.providerId,
  amount: Amount.encode(promised.amount),
  currency: promised.currency,
  price_version: promised.priceVersion,
  resource_hash: await resourceHash(promised.method, promised.resource),
  lease_id: promised.leaseId,
  seq: promised.seq,
  made_at: promised.madeAt,
})

/** The same, out of a proof that a provider presents; nothing for a proof that has no lease. */
export function batchRecordOf(claims: ProofClaims): BatchRecord | undefined {
  const { lse, seq } = claims
  if (lse === undefined || seq === undefined) return undefined
  return {
    payment_id: claims.jti,
    request_id: claims.rid,
    endpoint_id: claims.eid,
    provider_id: claims.aud,
    amount: Amount.encode(claims.amount),
    currency: claims.asset,
    price_version: claims.pv,
    resource_hash: claims.rsh,
    lease_id: lse,
    seq,
    made_at: claims.rdm - REDEMPTION_SECONDS,
  }
}
