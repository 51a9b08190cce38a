import { REDEMPTION_SECONDS } from '../../shared/domain/payment.ts'
import type { PaymentRequirements } from '../../shared/protocol/x402.ts'
import { encodeBase64url } from './base64url.ts'
import type { Order } from './edge.ts'
import { PaymentError } from './errors.ts'
import type { Journal } from './journal.ts'

/** One thing being bought, from the decision to pay until it is delivered or lost. */
export type Purchase = {
  order: Order
  /** Which call it is for: the same method, URL and body. */
  fingerprint: string
  paymentId: string
  /** The entry of `accepts` that is paid. */
  accepted: PaymentRequirements
  extensions: Record<string, unknown> | undefined
  /** Absent until the edge has answered: the payment may exist or not. */
  proof: string | undefined
  /** Milliseconds since the epoch. */
  expiresAt: number
  startedAt: number
}

/** How a purchase is named to its buyer. */
export const namesOf = ({ order: { requestId }, paymentId }: Purchase) => ({ requestId, paymentId })

const CALL = 'call:'
const PRICE = 'price:'

/** Purchases that are not over, and first prices, held in memory and in the journal. */
export class Purchases {
  readonly #journal: Journal
  readonly #open = new Map<string, Purchase>()
  readonly #prices = new Map<string, bigint>()
  /** Request ids of calls that run now: no two calls work at one purchase. */
  readonly #busy = new Set<string>()
  #isRead = false

  constructor(journal: Journal) {
    this.#journal = journal
  }

  /**
   * Begins a call: its request id, and the purchase an earlier attempt at it left open.
   *
   * Without a name of the caller's, an open purchase of the same method, URL and body is taken up.
   */
  async begin(
    fingerprint: string,
    options: { requestId: string | undefined; nowMs: number },
  ): Promise<{ requestId: string; purchase: Purchase | undefined }> {
    await this.#read()
    const { requestId: name, nowMs } = options
    const purchase = name === undefined ? this.#leftOpen(fingerprint, nowMs) : this.#open.get(name)
    const requestId = name ?? purchase?.order.requestId ?? newRequestId()
    if (this.#busy.has(requestId)) {
      throw new PaymentError('call_under_way', 'A call of this requestId runs.', { requestId })
    }
    if (purchase && purchase.fingerprint !== fingerprint) {
      throw new PaymentError(
        'payment_conflict',
        'This requestId is of another method, URL or body.',
        namesOf(purchase),
      )
    }
    this.#busy.add(requestId)
    return { requestId, purchase }
  }

  end(requestId: string): void {
    this.#busy.delete(requestId)
  }

  async keep(purchase: Purchase): Promise<void> {
    const { requestId, amount } = purchase.order
    const order = { ...purchase.order, amount: amount.toString() }
    await this.#journal.put(CALL + requestId, JSON.stringify({ ...purchase, order }))
    this.#open.set(requestId, purchase)
  }

  async close(purchase: Purchase): Promise<void> {
    this.#open.delete(purchase.order.requestId)
    await this.#journal.remove(CALL + purchase.order.requestId)
  }

  /** What the endpoint cost when it was first bought. */
  firstPrice(endpointId: string): bigint | undefined {
    return this.#prices.get(endpointId)
  }

  async rememberPrice(endpointId: string, amount: bigint): Promise<void> {
    if (this.#prices.has(endpointId)) return
    this.#prices.set(endpointId, amount)
    await this.#journal.put(PRICE + endpointId, amount.toString())
  }

  async #read(): Promise<void> {
    if (this.#isRead) return
    const records = await this.#journal.read()
    this.#isRead = true
    for (const [key, value] of records) {
      if (key.startsWith(PRICE)) this.#prices.set(key.slice(PRICE.length), BigInt(value))
      if (key.startsWith(CALL)) this.#open.set(key.slice(CALL.length), purchaseIn(value))
    }
  }

  #leftOpen(fingerprint: string, nowMs: number): Purchase | undefined {
    for (const [requestId, purchase] of this.#open) {
      const isOver = nowMs - purchase.startedAt > REDEMPTION_SECONDS * 1000
      if (purchase.fingerprint !== fingerprint || this.#busy.has(requestId) || isOver) continue
      return purchase
    }
    return undefined
  }
}

function purchaseIn(text: string): Purchase {
  const purchase: Purchase & { order: { amount: string } } = JSON.parse(text)
  return { ...purchase, order: { ...purchase.order, amount: BigInt(purchase.order.amount) } }
}

const newRequestId = () => encodeBase64url(crypto.getRandomValues(new Uint8Array(16)))
