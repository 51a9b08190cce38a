import { formatUnits } from '../../shared/domain/decimal.ts'
import { IDENTIFIER } from '../../shared/protocol/payment-identifier.ts'
import { isRecord, type PaymentRequirements } from '../../shared/protocol/x402.ts'
import { Budget } from './budget.ts'
import type { Call } from './call.ts'
import type { Edge, Paid } from './edge.ts'
import { PaymentError, type PaymentErrorCode } from './errors.ts'
import { Offers, type Payable } from './offer.ts'
import type { Settings } from './options.ts'
import { failure, patiently } from './patience.ts'
import { namesOf, type Purchase, type Purchases } from './purchases.ts'

/** Less life than this, in milliseconds, and a proof is had again before it is shown. */
const FRESH_MS = 5_000

export type BuyerParts = { edge: Edge; purchases: Purchases; settings: Settings }

/** What has to be known of a call to pay for it. */
export type Buying = Pick<Call, 'url' | 'origin' | 'fingerprint' | 'signal'> & {
  method: string | undefined
}

/** A 402 is that of its own URL: a redirect to it may have come from anybody. */
export function refuseRedirected({ redirected, url }: Response): void {
  if (redirected) {
    throw new PaymentError('redirected', `The 402 came from ${url}: call that itself.`)
  }
}

/** Decides whether a 402 is paid, pays it, and has its proof signed again when need be. */
export class Buyer {
  readonly #parts: BuyerParts
  readonly #offers: Offers
  readonly #budget: Budget

  constructor(parts: BuyerParts) {
    this.#parts = parts
    this.#offers = new Offers(parts.edge, parts.settings)
    this.#budget = new Budget(parts.settings)
  }

  /** What a 402 asks for, if all that is known and every limit allows it. Nothing in a dry run. */
  async judge(call: Buying, response: Response): Promise<Payable | undefined> {
    refuseRedirected(response)
    return this.#weigh(await this.#offers.read(response, call))
  }

  /** The same for one entry of a 402, chosen by somebody else. */
  async judgeEntry(
    call: Buying,
    entry: PaymentRequirements,
    extensions: Record<string, unknown> | undefined,
  ): Promise<Payable | undefined> {
    return this.#weigh(await this.#offers.judge([entry], extensions, call))
  }

  async #weigh(payable: Payable): Promise<Payable | undefined> {
    const { settings, purchases } = this.#parts
    const { amount, resource: url, ...terms } = payable.terms
    const { providerId } = payable
    const first = purchases.firstPrice(terms.endpointId) ?? amount
    const [cost, firstCost] = [formatUnits(amount), formatUnits(first)]
    const offer = { ...terms, url, providerId, amount: cost, firstAmount: firstCost }
    const refuse = (code: PaymentErrorCode, why: string) => {
      throw new PaymentError(code, `${url} costs ${cost} ${terms.currency}: ${why}.`)
    }
    settings.onEvent({ type: 'offered', offer })
    if (amount > settings.maxAmount) refuse('amount_above_maximum', 'more than "maxAmount"')
    if (amount > first) settings.onEvent({ type: 'price_rise', offer })
    if (amount * 100n > first * settings.percentMax) {
      refuse('price_drift', `it was ${firstCost} at first, and "maxPriceRise" forbids the rise`)
    }
    if (settings.dryRun) {
      settings.onEvent({ type: 'dry_run', offer })
      return undefined
    }
    if ((await settings.approve(offer)) !== true) refuse('not_approved', '"approve" refused it')
    return payable
  }

  /** Pays what was judged. What is written down before the money moves is found after a crash. */
  async buy(
    call: Buying,
    { requestId, payable }: { requestId: string; payable: Payable },
  ): Promise<Purchase> {
    const { edge, purchases, settings } = this.#parts
    const { terms, accepted } = payable
    const order = { ...terms, requestId }
    this.#budget.take(call.origin, terms.amount)
    const purchase: Purchase = {
      order,
      fingerprint: call.fingerprint,
      paymentId: await edge.idOf(order),
      accepted,
      extensions: named(payable.extensions, requestId),
      proof: undefined,
      expiresAt: 0,
      startedAt: settings.timing.now(),
    }
    await purchases.keep(purchase)
    const proved = await this.prove(call, purchase, { isNew: true })
    await purchases.rememberPrice(terms.endpointId, terms.amount)
    return proved
  }

  /** The purchase with a proof that can be shown: the one at hand, or one signed anew. */
  async prove(
    call: Buying,
    purchase: Purchase,
    { isNew = false, renew = false } = {},
  ): Promise<Purchase> {
    const { edge, purchases, settings } = this.#parts
    const isFresh = purchase.expiresAt > edge.nowSeconds() * 1000 + FRESH_MS
    if (purchase.proof && isFresh && !renew) return purchase

    const { order } = purchase
    settings.onEvent({ type: 'paying', ...namesOf(purchase) })
    const pay = () => edge.pay(order, call.signal)
    const asking = { settings, edge, signal: call.signal, requestId: order.requestId }
    let told = await patiently(pay, asking)
    if (!told.ok && told.refused.retry === 'same_request') {
      const found = await edge.find(order.requestId, call.signal)
      if (found.ok) told = { ...(await pay()), isUnsure: true }
    }
    if (told.ok) return this.#proved(purchase, told.value)

    if (!isNew || told.isUnsure) throw failure(told.refused, 'Maybe paid.', namesOf(purchase))
    this.#budget.giveBack(call.origin, order.amount)
    await purchases.close(purchase)
    throw failure(told.refused, 'Nothing was paid.', { requestId: order.requestId })
  }

  async #proved(purchase: Purchase, paid: Paid): Promise<Purchase> {
    const { purchases, settings } = this.#parts
    const { proof, expiresAt } = paid
    if (proof === null) {
      await purchases.close(purchase)
      throw new PaymentError(
        'redemption_over',
        'This was paid before and can be redeemed no more.',
        namesOf(purchase),
      )
    }
    const proved = { ...purchase, proof, expiresAt }
    await purchases.keep(proved)
    settings.onEvent({ type: 'paid', ...namesOf(purchase) })
    return proved
  }
}

/** What a 402 declared, with the request id as the `payment-identifier` unless that is too short. */
function named(extensions: Record<string, unknown> | undefined, id: string) {
  const declared = extensions?.[IDENTIFIER]
  if (!isRecord(declared) || id.length < 16) return extensions
  return {
    ...extensions,
    [IDENTIFIER]: { ...declared, info: { id, ...(declared['info'] as object) } },
  }
}
