import { encodeHeader, headerNames, type PaymentRequirements } from '../../shared/protocol/x402.ts'

/** A 402 that asks for this at that URL, as a provider answers it. */
export function paymentRequired(requirement: PaymentRequirements, url: string): Response {
  const required = {
    x402Version: 2,
    error: 'payment_required',
    resource: { url },
    accepts: [requirement],
  }
  const headers = { [headerNames.required]: encodeHeader(required), 'Cache-Control': 'no-store' }
  return Response.json(required, { status: 402, headers })
}
