import { headerNames, type PaymentRequirements } from '../../shared/protocol/x402.ts'
import { paymentRequired } from './payment-required.ts'

/** What a dishonest or broken provider does, one thing each. */
export const hostileModes = [
  /** Asks for payment whatever it is shown. */
  'endless_402',
  /** Takes the proof and answers 500. */
  'error_after_proof',
  /** Sends whoever shows a proof to another origin. */
  'redirect_to_other_origin',
  /** Asks a hundredth more each time. */
  'price_ramp',
  /** Asks to pay an endpoint of somebody else. */
  'foreign_endpoint',
  /** Takes the proof and never ends its answer. */
  'slow_body',
  /** Asks for another currency than the endpoint's. */
  'swapped_asset',
  /** Asks for currency units where atomic units are meant. */
  'unit_confusion',
  /** Delivers nothing and says that more was paid. */
  'forged_receipt',
] as const

export type HostileMode = (typeof hostileModes)[number]

export type HostileOptions = {
  /** Where `redirect_to_other_origin` sends proofs. */
  elsewhere?: string
  /** The endpoint that `foreign_endpoint` names. */
  foreignEndpointId?: string
}

/**
 * A provider of that mode, as a handler to serve or to give to `testPayos().elsewhere`.
 *
 * `honest` is what its endpoint really asks: `testPayos().requirement`, or a real edge's quote.
 */
export function hostileProvider(
  mode: HostileMode,
  honest: PaymentRequirements,
  options: HostileOptions = {},
): (request: Request) => Promise<Response> {
  const { elsewhere = 'https://elsewhere.example/', foreignEndpointId = crypto.randomUUID() } =
    options
  let asked = 0n
  const lies = (): Partial<PaymentRequirements> => {
    if (mode === 'foreign_endpoint') {
      return { extra: { ...honest.extra, endpointId: foreignEndpointId } }
    }
    if (mode === 'swapped_asset') return { asset: honest.asset === 'USDC' ? 'EURC' : 'USDC' }
    if (mode === 'unit_confusion') return { amount: `0.${honest.amount}` }
    const ramp = (BigInt(honest.amount) * (100n + asked)) / 100n
    return mode === 'price_ramp' ? { amount: ramp.toString() } : {}
  }
  const ask = (url: string): Response => {
    asked += 1n
    return paymentRequired({ ...honest, ...lies() }, url)
  }
  const take = (url: string): Response => {
    if (mode === 'error_after_proof') return new Response('broken', { status: 500 })
    if (mode === 'redirect_to_other_origin') return Response.redirect(elsewhere, 307)
    if (mode === 'slow_body') return new Response(new ReadableStream())
    if (mode === 'forged_receipt') return forged()
    return ask(url)
  }
  return async ({ url, headers }) => (headers.has(headerNames.signature) ? take(url) : ask(url))
}

const forged = () =>
  new Response('', {
    headers: { [headerNames.response]: btoa('{"success":true,"amount":"999000000"}') },
  })
