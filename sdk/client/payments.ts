import { Buyer, type BuyerParts } from './buyer.ts'
import type { Call } from './call.ts'
import { PaymentError } from './errors.ts'
import type { Payable } from './offer.ts'
import { isFinal, type Outcome, present, stepAfter } from './presentation.ts'
import { namesOf, type Purchase } from './purchases.ts'

/** A response, and what was paid for it. */
export type Delivery = { response: Response; purchase: Purchase | undefined }

/** Takes one call from its first request to its delivery. */
export class Payments {
  readonly #parts: BuyerParts
  readonly #buyer: Buyer

  constructor(parts: BuyerParts) {
    this.#parts = parts
    this.#buyer = new Buyer(parts)
  }

  /** Delivers, after paying at most once; a purchase left open by an earlier attempt comes first. */
  async run(call: Call): Promise<Delivery> {
    const { purchases, settings } = this.#parts
    const { requestId, purchase } = await purchases.begin(call.fingerprint, {
      requestId: call.requestId,
      nowMs: settings.timing.now(),
    })
    try {
      return purchase
        ? await this.#redeem(call, await this.#buyer.prove(call, purchase))
        : await this.#request(call, requestId)
    } finally {
      purchases.end(requestId)
    }
  }

  /** Asks without payment and buys what is asked for; asks again when the price has just changed. */
  async #request(call: Call, requestId: string, isSecond = false): Promise<Delivery> {
    const response = await call.send()
    if (response.status !== 402) return { response, purchase: undefined }
    const { dryRun } = this.#parts.settings
    let payable: Payable | undefined
    try {
      payable = await this.#buyer.judge(call, response)
    } finally {
      if (!dryRun) await response.body?.cancel()
    }
    if (!payable) return { response, purchase: undefined }

    let purchase: Purchase
    try {
      purchase = await this.#buyer.buy(call, { requestId, payable })
    } catch (error) {
      const isStale = error instanceof PaymentError && error.retry === 'new_quote'
      if (!isStale || isSecond) throw error
      return this.#request(call, requestId, true)
    }
    return this.#redeem(call, purchase)
  }

  /** Shows the proof until the provider delivers, or it is clear that it will not. Never pays. */
  async #redeem(call: Call, bought: Purchase): Promise<Delivery> {
    const { settings } = this.#parts
    let purchase = bought
    for (let count = 1; ; count++) {
      const outcome = await this.#show(call, purchase)
      if (outcome.kind === 'delivered') return { response: outcome.response, purchase }
      const step = stepAfter(outcome, { call, purchase, count })
      if (step instanceof PaymentError) throw step
      await outcome.response?.body?.cancel()
      await settings.timing.wait(step.waitMs, call.signal)
      purchase = await this.#buyer.prove(call, purchase, { renew: step.renew })
    }
  }

  /** Shows the proof once, and closes the purchase when it is used up. */
  async #show(call: Call, purchase: Purchase): Promise<Outcome> {
    const { purchases, settings } = this.#parts
    settings.onEvent({ type: 'presenting', ...namesOf(purchase) })
    const outcome = await present(call, purchase)
    const isOver =
      outcome.kind === 'delivered'
        ? outcome.response.status < 400 // Else the handler failed, and the proof is good for more.
        : outcome.kind === 'refused' && isFinal(outcome.reason)
    if (isOver) await purchases.close(purchase)
    if (outcome.kind === 'delivered') settings.onEvent({ type: 'delivered', ...namesOf(purchase) })
    return outcome
  }
}
