import { hex, sha256 } from './digest.ts'
import type { EndpointId, PaymentId, RequestId, WalletId } from './ids.ts'
import type { Amount, Currency } from './money.ts'

/** What an agent asked for: two requests with the same of it are one payment. */
export type PaymentContent = {
  walletId: WalletId
  requestId: RequestId
  endpointId: EndpointId
  amount: Amount
  currency: Currency
  /** The HTTP method; counts in upper case. */
  method: string
  /** As the agent gave it, not as a parser rewrote it. Absent and empty are the same. */
  resource?: string | undefined
  capture: 'automatic' | 'manual'
}

/**
 * The one id of a payment, a UUIDv8 (RFC 9562 §5.8) that is a hash of its content.
 *
 * Every path, retry and crash arrives at the same id, and other content is another id. No field
 * but the resource can hold a line feed once its schema has read it, and the resource stands
 * between the method and the capture, so no two contents give the same lines.
 */
export async function paymentIdOf(content: PaymentContent): Promise<PaymentId> {
  const lines = [
    content.walletId,
    content.requestId,
    content.endpointId,
    content.amount.toString(),
    content.currency,
    content.method.toUpperCase(),
    content.resource ?? '',
    content.capture,
  ]
  const digits = hex((await sha256(lines.join('\n'))).slice(0, 16))
  return asUuid8(digits) as PaymentId
}

/** Writes version 8 and variant 10 over the six bits RFC 9562 reserves; the other 122 stay. */
function asUuid8(digits: string): string {
  const variant = ((Number.parseInt(digits.charAt(16), 16) & 0x3) | 0x8).toString(16)
  return [
    digits.slice(0, 8),
    digits.slice(8, 12),
    `8${digits.slice(13, 16)}`,
    variant + digits.slice(17, 20),
    digits.slice(20),
  ].join('-')
}
