import { IDENTIFIER, identifierIn, requestIdOf } from '../../shared/protocol/payment-identifier.ts'
import {
  decodeHeader,
  headerNames,
  isRecord,
  readPaymentRequired,
  SCHEME,
} from '../../shared/protocol/x402.ts'
import { Buyer, type Buying, refuseRedirected } from '../client/buyer.ts'
import { Edge } from '../client/edge.ts'
import { PaymentError } from '../client/errors.ts'
import { type PaymentOptions, readOptions, type Settings } from '../client/options.ts'
import { isFinal, reasonIn } from '../client/presentation.ts'
import { type Purchase, Purchases } from '../client/purchases.ts'
import type { PaymentCreation, PaymentRequirements } from './core.ts'

/** Options of {@link withPayments}, but for the dry run, which the official clients do not have. */
export type PayosClientOptions = Omit<PaymentOptions, 'dryRun'>

/** The client's side of the scheme: `new x402Client().register('payos:*', payosClient(…))`. */
export type PayosClient = {
  readonly scheme: string
  readonly schemeHooks: {
    /** Learns which URL is paid for. Register it by hand with clients older than 2.12. */
    onBeforePaymentCreation(context: PaymentCreation): Promise<void>
  }
  findDefaultAsset(
    asset: string,
    network: string,
  ): { asset: string; decimals: number; symbol: string } | undefined
  createPaymentPayload(
    x402Version: number,
    requirements: PaymentRequirements,
    context?: { extensions?: Record<string, unknown> },
  ): Promise<{
    x402Version: number
    payload: Record<string, unknown>
    extensions?: Record<string, unknown>
  }>
  /**
   * The `fetch` to hand to `wrapFetchWithPayment`. It tells the scheme what the official clients do
   * not: that a 402 is that of the URL which was called, and whether what was paid for was
   * delivered. With it a call that failed after its payment shows the same proof when it is made
   * again, and no proof follows a redirect.
   */
  guard(base: typeof fetch): typeof fetch
}

/**
 * Pays `payos-ticket` entries for the official x402 v2 clients, within the limits of its options.
 *
 * @throws TypeError at once, when an option is not as expected.
 */
export function payosClient(options: PayosClientOptions, base: typeof fetch = fetch): PayosClient {
  const till = new Till(readOptions(options), (input, init) => base(input, init))
  const resources = new WeakMap<object, string>()
  return {
    scheme: SCHEME,
    schemeHooks: {
      async onBeforePaymentCreation({ paymentRequired, selectedRequirements }) {
        const { url } = paymentRequired.resource ?? {}
        if (url !== undefined) resources.set(selectedRequirements, url)
      },
    },
    findDefaultAsset(asset, network) {
      const isOurs = network.startsWith('payos:') && ['USDC', 'EURC'].includes(asset)
      return isOurs ? { asset, decimals: 6, symbol: asset } : undefined
    },
    async createPaymentPayload(x402Version, requirements, { extensions } = {}) {
      const url = resources.get(requirements)
      const { proof, order, extensions: named } = await till.pay(requirements, { url, extensions })
      const payload = { proof, requestId: order.requestId }
      return { x402Version, payload, ...(named && { extensions: named }) }
    },
    guard: (inner) => till.guard(inner),
  }
}

/** Pays entries of 402s, and remembers which were not delivered. */
class Till {
  readonly #settings: Settings
  readonly #edge: Edge
  readonly #purchases: Purchases
  readonly #buyer: Buyer
  /** Paid, and not known to be delivered; by request id. Nothing learns of that without a guard. */
  readonly #shown = new Map<string, Purchase>()
  #isGuarded = false

  constructor(settings: Settings, base: typeof fetch) {
    this.#settings = settings
    this.#edge = new Edge(base, settings)
    this.#purchases = new Purchases(settings.journal)
    this.#buyer = new Buyer({ edge: this.#edge, purchases: this.#purchases, settings })
  }

  /** Pays, or takes up what an earlier call of the same URL paid for and did not get. */
  async pay(
    entry: PaymentRequirements,
    asked: { url: string | undefined; extensions: Record<string, unknown> | undefined },
  ): Promise<Purchase> {
    const call = await this.#callOf(entry, asked.url)
    const { requestId, purchase } = await this.#purchases.begin(call.fingerprint, {
      requestId: await requestIdFrom(asked.extensions),
      nowMs: this.#settings.timing.now(),
    })
    try {
      const paid = purchase
        ? await this.#buyer.prove(call, purchase)
        : await this.#buy(call, { requestId, entry, extensions: asked.extensions })
      if (this.#isGuarded) this.#shown.set(requestId, paid)
      else await this.#over(paid)
      return paid
    } catch (error) {
      this.#purchases.end(requestId)
      throw error
    }
  }

  guard(base: typeof fetch): typeof fetch {
    this.#isGuarded = true
    return async (input, init) => {
      const headers = new Headers(init?.headers ?? (input as Partial<Request>).headers)
      const purchase = this.#shown.get(requestIdIn(headers) ?? '')
      if (purchase) return this.#show(purchase, () => base(input, { ...init, redirect: 'manual' }))
      const response = await base(input, init)
      const url = input instanceof Request ? input.url : String(input)
      if (response.status === 402) checkOrigin(response, url)
      return response
    }
  }

  /** Clients before 2.12 do not say what URL they called: then it is the registered one. */
  async #callOf(entry: PaymentRequirements, url: string | undefined): Promise<Buying> {
    const { signal } = new AbortController()
    const endpointId = String(entry.extra['endpointId'])
    let resource = url?.replace(/#.*$/s, '')
    if (resource === undefined) {
      const told = await this.#edge.quote(endpointId, signal)
      resource = told.ok ? told.value.resource : ''
    }
    if (!URL.canParse(resource)) {
      throw new PaymentError('requirement_unreadable', 'The 402 does not say which URL it is of.')
    }
    const { origin, href } = new URL(resource)
    return { method: undefined, url: href, origin, fingerprint: `${endpointId} ${href}`, signal }
  }

  async #buy(
    call: Buying,
    about: {
      requestId: string
      entry: PaymentRequirements
      extensions: Record<string, unknown> | undefined
    },
  ): Promise<Purchase> {
    const payable = await this.#buyer.judgeEntry(call, about.entry, about.extensions)
    if (!payable) throw new PaymentError('not_approved', 'Nothing is paid in a dry run.')
    return this.#buyer.buy(call, { requestId: about.requestId, payable })
  }

  async #show(purchase: Purchase, send: () => Promise<Response>): Promise<Response> {
    const { requestId } = purchase.order
    try {
      const response = await send()
      // An answer from 400 on is of a handler that failed: the proof is good for another attempt.
      if (response.status < 400 || isFinal(reasonIn(response))) await this.#over(purchase)
      return response
    } finally {
      this.#shown.delete(requestId)
      this.#purchases.end(requestId)
    }
  }

  async #over(purchase: Purchase): Promise<void> {
    await this.#purchases.close(purchase)
    this.#purchases.end(purchase.order.requestId)
  }
}

/** The name its user gave the payment, by the extension `payment-identifier`; else there is none. */
async function requestIdFrom(
  extensions: Record<string, unknown> | undefined,
): Promise<string | undefined> {
  const identifier = identifierIn(extensions)
  if (identifier === 'malformed') {
    throw new PaymentError(
      'requirement_unreadable',
      `"${IDENTIFIER}" must name the payment by 16 to 128 of A-Z, a-z, 0-9, "_" and "-".`,
    )
  }
  return identifier?.id === undefined ? undefined : requestIdOf(identifier.id)
}

function requestIdIn(headers: Headers): string | undefined {
  const sent = decodeHeader(headers.get(headerNames.signature))
  const payload = isRecord(sent) ? sent['payload'] : undefined
  return isRecord(payload) ? String(payload['requestId']) : undefined
}

/** A 402 of ours must be of the URL that was called, or a proof would be shown to somebody else. */
function checkOrigin(response: Response, called: string): void {
  const required = readPaymentRequired(decodeHeader(response.headers.get(headerNames.required)))
  if (!required?.accepts.some(({ scheme }) => scheme === SCHEME)) return
  refuseRedirected(response)
  const said = required.resource?.url ?? ''
  if (URL.canParse(said) && placeOf(said) === placeOf(called)) return
  throw new PaymentError(
    'endpoint_not_owner',
    `${called} asks for payment of ${said || 'nothing'}.`,
  )
}

function placeOf(url: string): string {
  const { origin, pathname } = new URL(url)
  return origin + pathname
}
