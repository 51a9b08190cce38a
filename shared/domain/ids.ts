import * as z from 'zod'
import { uuidForm } from './uuid.ts'

export const Uuid = z.string().regex(uuidForm)

/** The name an agent gives one payment of one wallet; the same name is the same payment. */
export const RequestId = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,64}$/)
  .brand<'RequestId'>()
export type RequestId = z.output<typeof RequestId>

export const PaymentId = Uuid.brand<'PaymentId'>()
export type PaymentId = z.output<typeof PaymentId>

export const WalletId = Uuid.brand<'WalletId'>()
export type WalletId = z.output<typeof WalletId>

export const EndpointId = Uuid.brand<'EndpointId'>()
export type EndpointId = z.output<typeof EndpointId>

export const AgentId = Uuid.brand<'AgentId'>()
export type AgentId = z.output<typeof AgentId>

export const ProviderId = Uuid.brand<'ProviderId'>()
export type ProviderId = z.output<typeof ProviderId>

export const LeaseId = Uuid.brand<'LeaseId'>()
export type LeaseId = z.output<typeof LeaseId>
