import { formatUnits, parseAtomic } from '../../shared/domain/decimal.ts'
import { networkOf } from '../../shared/domain/proof-terms.ts'
import { isWithin } from '../../shared/domain/resource.ts'
import {
  decodeHeader,
  headerNames,
  type PaymentRequired,
  type PaymentRequirements,
  readPaymentRequired,
  SCHEME,
} from '../../shared/protocol/x402.ts'
import type { Edge, Order, Price, Quote } from './edge.ts'
import { PaymentError } from './errors.ts'
import type { Settings } from './options.ts'
import { failure, patiently } from './patience.ts'

/** How long a quote answers who owns an endpoint and what it costs. */
const QUOTE_MS = 60_000

/** A 402 that may be paid: for what, to whom, and what is echoed to the provider. */
export type Payable = {
  terms: Omit<Order, 'requestId'>
  providerId: string
  accepted: PaymentRequirements
  extensions: Record<string, unknown> | undefined
}

/** What was asked. Whoever does not know the method takes the endpoint's. */
export type Asking = { method: string | undefined; url: string; signal: AbortSignal }

/** Reads 402s and judges them against what the edge says of the endpoint. Pays nothing. */
export class Offers {
  readonly #edge: Edge
  readonly #settings: Settings
  readonly #quotes = new Map<string, { quote: Quote; atMs: number }>()

  constructor(edge: Edge, settings: Settings) {
    this.#edge = edge
    this.#settings = settings
  }

  /**
   * What a 402 asks for, when its endpoint owns the URL and its price is the registered one.
   *
   * A hostile origin can name another provider's endpoint, asset or amount: nothing of the 402 is
   * taken on trust, and the edge judges all of it again when it is paid.
   */
  async read(response: Response, call: Asking): Promise<Payable> {
    const { accepts, extensions } = requiredIn(response)
    return this.judge(accepts, extensions, call)
  }

  /** The same for what a 402 says, read by somebody else. */
  async judge(
    accepts: readonly PaymentRequirements[],
    extensions: Record<string, unknown> | undefined,
    call: Asking,
  ): Promise<Payable> {
    const accepted = this.#choose(accepts)
    const endpointId = `${accepted.extra['endpointId']}`
    const asked = parseAtomic(accepted.amount)
    if (!asked) throw mismatch('Its amount is not a positive number of atomic units.')

    const version = accepted.extra['pv']
    let quote = await this.#quote(endpointId, call.signal)
    if (!this.#agrees(quote, asked, version)) {
      this.#quotes.delete(endpointId)
      quote = await this.#quote(endpointId, call.signal)
    }
    this.#checkOwner(quote, accepted, call)
    if (!this.#agrees(quote, asked, version)) {
      const registered = `${formatUnits(quote.amount)} ${quote.currency}`
      throw mismatch(`It asks ${formatUnits(asked)}; the endpoint is registered at ${registered}.`)
    }
    const { providerId, currency, method } = quote
    const terms = { endpointId, amount: asked, currency, method, resource: call.url }
    return { terms, providerId, accepted, extensions }
  }

  #choose(accepts: readonly PaymentRequirements[]): PaymentRequirements {
    const { issuer, currency, environment } = this.#settings
    const network = networkOf(environment)
    const ours = accepts.filter(({ scheme }) => scheme === SCHEME)
    const payable = ours.find(
      (it) => it.network === network && it.asset === currency && it.extra['issuer'] === issuer,
    )
    if (payable) return payable
    const others = accepts.map((it) => `${it.scheme} ${it.asset} on ${it.network}`)
    throw new PaymentError(
      'no_payable_requirement',
      `The provider takes ${others.join(', ') || 'nothing'}; this client pays ${currency} on ` +
        `${network}, issued by ${issuer}.`,
    )
  }

  async #quote(endpointId: string, signal: AbortSignal): Promise<Quote> {
    const nowMs = this.#settings.timing.now()
    const known = this.#quotes.get(endpointId)
    if (known && nowMs - known.atMs < QUOTE_MS) return known.quote

    const told = await patiently(() => this.#edge.quote(endpointId, signal), {
      settings: this.#settings,
      edge: this.#edge,
      signal,
      requestId: '',
    })
    if (!told.ok) throw failure(told.refused, 'No quote could be had; nothing was paid.')
    this.#quotes.set(endpointId, { quote: told.value, atMs: nowMs })
    return told.value
  }

  /** The ledger alone knows how long a former price still counts, so that one is let through. */
  #agrees(quote: Quote, asked: bigint, version: unknown): boolean {
    const prices: Price[] = quote.next ? [quote, quote.next] : [quote]
    const named = prices.find((price) => price.priceVersion === version)
    if (named) return named.amount === asked
    return (version as number) < (quote.priceVersion as number)
  }

  #checkOwner(
    quote: Quote,
    accepted: PaymentRequirements,
    { method = quote.method, url }: Asking,
  ): void {
    if (quote.method !== method || !isWithin(quote.resource, url)) {
      throw new PaymentError(
        'endpoint_not_owner',
        `The endpoint it names is ${quote.method} ${quote.resource}, not ${method} ${url}.`,
      )
    }
    if (quote.providerId !== accepted.payTo || quote.currency !== accepted.asset) {
      throw mismatch('It names another payee or currency than the endpoint has.')
    }
  }
}

const mismatch = (detail: string) =>
  new PaymentError('requirement_mismatch', `The 402 is not what the endpoint asks. ${detail}`)

function requiredIn(response: Response): PaymentRequired {
  const required = readPaymentRequired(decodeHeader(response.headers.get(headerNames.required)))
  if (required) return required
  throw new PaymentError('requirement_unreadable', 'The 402 does not say what to pay (x402 v2).')
}
