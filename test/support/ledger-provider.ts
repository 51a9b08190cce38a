import { at, cast } from '../model/cast.ts'
import type { Call } from '../model/ledger.ts'
import { payment } from './ledger-crowd.ts'

const key = at(cast.providerKeys, 0)
const provider = { key_id: key.id, key_hash: key.hash }

/** A payment its provider has still to capture. */
export const held = (requestId: string, options: { wallet?: number; endpoint?: number } = {}) =>
  payment(requestId, { ...options, capture: 'manual' })

type Paid = ReturnType<typeof payment>

export const capture = ({ args }: Paid, amount: string, attempt_id: string | null): Call => ({
  name: 'capture_x402_payment',
  args: { ...provider, payment_id: args.payment_id, amount, attempt_id },
})

export const refund = ({ args }: Paid, amount: string, refund_id: string): Call => ({
  name: 'refund_x402_payment',
  args: { ...provider, payment_id: args.payment_id, amount, refund_id },
})

export const redeem = (
  { args }: Paid,
  action: 'consume' | 'release',
  attempt_id: string,
): Call => ({
  name: 'check_x402_proof',
  args: {
    ...provider,
    payment_id: args.payment_id,
    endpoint_id: args.endpoint_id,
    audience: at(cast.providers, 0),
    minimum: null,
    action,
    attempt_id,
  },
})

export const expire: Call = { name: 'expire_x402_holds', args: { most: 1_000 } }
