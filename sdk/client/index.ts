import { formatUnits } from '../../shared/domain/decimal.ts'
import { type CallInit, readCall } from './call.ts'
import { Edge } from './edge.ts'
import { type PaymentOptions, readOptions } from './options.ts'
import { Payments } from './payments.ts'
import { Purchases } from './purchases.ts'

export type { CallInit, CallOptions } from './call.ts'
export { PaymentError, type PaymentErrorCode } from './errors.ts'
export { fileJournal, type Journal, memoryJournal } from './journal.ts'
export type { Offer, PaymentEvent, PaymentOptions, Timing } from './options.ts'
export type { PublicKey, Signer } from './signer.ts'

/** `fetch`, with the name of a purchase in `init.payment` when the caller has one. */
export type PayingFetch = (input: string | URL | Request, init?: CallInit) => Promise<Response>

/** What a response cost. */
export type PaymentInfo = {
  paymentId: string
  requestId: string
  endpointId: string
  method: string
  resource: string
  /** In currency units. */
  amount: string
  currency: string
}

const paid = new WeakMap<Response, PaymentInfo>()

/**
 * A `fetch` that pays where a provider answers 402: at most once per call, and within its options.
 *
 * A call that fails after the payment shows the same proof when it is made again; with a journal in
 * a file, even by the next process. Answers other than 402 pass through untouched. It never follows
 * a redirect with a proof, and pays only what the edge says the endpoint of this very URL costs.
 *
 * @throws TypeError at once, when an option is not as expected.
 * @throws PaymentError from the returned function, when a 402 was not paid or what was paid for was
 * not delivered.
 */
export function withPayments(base: typeof fetch, options: PaymentOptions): PayingFetch {
  const settings = readOptions(options)
  // A runtime's own fetch must not be called as a method of something else.
  const send: typeof fetch = (input, init) => base(input, init)
  const edge = new Edge(send, settings)
  const payments = new Payments({ edge, purchases: new Purchases(settings.journal), settings })

  return async (input, init) => {
    const { response, purchase } = await payments.run(await readCall(send, input, init))
    if (purchase) {
      const { order, paymentId } = purchase
      paid.set(response, { ...order, paymentId, amount: formatUnits(order.amount) })
    }
    return response
  }
}

/** What was paid for a response of a paying `fetch`; nothing when it was free. */
export const paymentOf = (response: Response): PaymentInfo | undefined => paid.get(response)
