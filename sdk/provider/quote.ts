import { parseAtomic, parseUnits } from '../../shared/domain/decimal.ts'
import { REDEMPTION_SECONDS } from '../../shared/domain/payment.ts'
import { isRecord, type PaymentRequirements } from '../../shared/protocol/x402.ts'
import { Kept } from './kept.ts'
import { EdgeUnavailable, jsonOf } from './keys.ts'
import type { Proof } from './proof.ts'

/** For how long a price counts after its version ended. */
const GRACE_SECONDS = 180

/** A payment this young was made at a price the ledger took within the grace. */
const YOUNG_SECONDS = 120

type Price = { amount: bigint; version: number }

/** The endpoint as the edge quotes it. */
export type Quote = Price & {
  method: string
  /** The registered URL. */
  resource: string
  next: (Price & { validFrom: number }) | undefined
  requirement: PaymentRequirements
}

export type QuotesOptions = {
  edge: string
  endpointId: string
  /** The answer of `GET /endpoints/{id}` to begin with. */
  initial: unknown
  fetch: typeof fetch
  nowSeconds: () => number
}

/** What the endpoint costs: looked at every minute, good for a day without the edge. */
export class Quotes {
  readonly #kept: Kept<Quote>
  readonly #nowSeconds: () => number
  /** The price before the present one, and when it ended as far as is known. */
  #former: (Price & { until: number }) | undefined
  #latest: Quote | undefined

  constructor({ edge, endpointId, initial, fetch: get, nowSeconds }: QuotesOptions) {
    this.#nowSeconds = nowSeconds
    this.#kept = new Kept({
      load: async (signal) =>
        readQuote(await jsonOf(get, `${edge}/v1/x402/endpoints/${endpointId}`, signal)),
      freshSeconds: 60,
      goodSeconds: 86_400,
      pauseSeconds: 10,
      timeoutMs: 5_000,
      nowSeconds,
      initial: initial === undefined ? undefined : readQuote(initial),
    })
  }

  /**
   * The quote as of now: an announced price takes effect by itself.
   *
   * @throws EdgeUnavailable when there is none.
   */
  async current(): Promise<Quote> {
    const kept = await this.#kept.get()
    if (!kept) throw new EdgeUnavailable('The endpoint cannot be had from PayOS.')
    return this.#followed(kept)
  }

  /** The least a proof must pay: the price of its version, while that counts; else nothing will do. */
  async priceFor(proof: Proof): Promise<bigint | undefined> {
    const { priceVersion } = proof
    let quote = await this.current()
    if (priceVersion > quote.version) {
      const renewed = await this.#kept.renew()
      quote = renewed ? this.#followed(renewed) : quote
    }
    // A version that cannot be looked up now must pay what is known to be asked.
    if (priceVersion === quote.next?.version) return quote.next.amount
    if (priceVersion > quote.version) return quote.amount
    if (priceVersion === quote.version) return quote.amount

    const former = this.#former
    if (former?.version === priceVersion) {
      return this.#nowSeconds() - former.until <= GRACE_SECONDS ? former.amount : undefined
    }
    // The ledger takes no price that ended more than a minute before.
    const age = this.#nowSeconds() - (proof.redeemableUntil - REDEMPTION_SECONDS)
    return age <= YOUNG_SECONDS ? proof.amount : undefined
  }

  #followed(kept: Quote): Quote {
    const { next } = kept
    const quote = next && next.validFrom <= this.#nowSeconds() ? withPrice(kept, next) : kept
    const latest = this.#latest
    if (latest && latest.version < quote.version) {
      const until = Math.min(latest.next?.validFrom ?? Infinity, this.#nowSeconds())
      this.#former = { amount: latest.amount, version: latest.version, until }
    }
    this.#latest = quote
    return quote
  }
}

function withPrice(quote: Quote, { amount, version }: Price): Quote {
  const { requirement } = quote
  return {
    ...quote,
    amount,
    version,
    next: undefined,
    requirement: {
      ...requirement,
      amount: amount.toString(),
      extra: { ...requirement.extra, pv: version },
    },
  }
}

/** @throws TypeError when it is no quote. */
function readQuote(value: unknown): Quote {
  const { method, resource, priceVersion, next, requirement } = isRecord(value) ? value : {}
  const amount = isRecord(requirement) ? parseAtomic(requirement['amount']) : undefined
  if (amount === undefined || typeof priceVersion !== 'number') throw new TypeError('not a quote')
  return {
    amount,
    version: priceVersion,
    method: String(method),
    resource: String(resource),
    next: isRecord(next) ? readNext(next) : undefined,
    requirement: requirement as PaymentRequirements,
  }
}

function readNext({ price, priceVersion, validFrom }: Record<string, unknown>) {
  const amount = parseUnits(String(price))
  if (amount === undefined || typeof priceVersion !== 'number') return undefined
  return { amount, version: priceVersion, validFrom: Date.parse(String(validFrom)) / 1000 }
}
