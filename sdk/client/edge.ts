import { formatUnits, parseUnits } from '../../shared/domain/decimal.ts'
import { signingText } from '../../shared/domain/pay-message.ts'
import { type PaymentContent, paymentIdOf } from '../../shared/domain/payment-id.ts'
import type { ProblemCode, Retry } from '../../shared/domain/problem.ts'
import { jsonIn } from '../../shared/protocol/answer.ts'
import { isRecord } from '../../shared/protocol/x402.ts'
import { encodeBase64url } from './base64url.ts'
import type { Settings } from './options.ts'

/** What is bought, as `POST /pay` takes it. The same order is the same payment. */
export type Order = {
  requestId: string
  endpointId: string
  /** Atomic units. */
  amount: bigint
  currency: string
  method: string
  resource: string
}

/** One version of a price, in atomic units. */
export type Price = { amount: bigint; priceVersion: unknown }

/** What the edge says an endpoint is and costs. */
export type Quote = Price & {
  providerId: string
  currency: string
  method: string
  /** The registered URL. */
  resource: string
  next: Price | undefined
}

export type Paid = { proof: string | null; expiresAt: number }

/** A refusal or a failure, as the edge wrote it. */
export type Refused = {
  code: ProblemCode
  retry?: Retry
  detail?: string
  hint?: string
  retry_after_ms?: number
  rule?: string
  /** The edge's clock, when it said so. */
  seconds?: number
}

export type Told<Value> = { ok: true; value: Value } | { ok: false; refused: Refused }

/** The edge, asked once per call: whether to ask again is for the caller to decide. */
export class Edge {
  readonly #fetch: typeof fetch
  readonly #settings: Settings
  /** How far this machine's clock is behind the edge's, in seconds; learnt when it matters. */
  #skewSeconds = 0

  constructor(base: typeof fetch, settings: Settings) {
    this.#fetch = base
    this.#settings = settings
  }

  nowSeconds(): number {
    return Math.floor(this.#settings.timing.now() / 1000) + this.#skewSeconds
  }

  /** Takes over the edge's clock. False when it did not tell it, or it is the same. */
  correctClock(seconds = Number.NaN): boolean {
    const ahead = seconds - this.nowSeconds()
    const isOff = Math.abs(ahead) > 60
    if (isOff) this.#skewSeconds += ahead
    return isOff
  }

  /** The id this order has, whether it is paid or not. */
  idOf(order: Order): Promise<string> {
    return paymentIdOf(this.#content(order))
  }

  /** Pays, or finds what was paid under the same order before. */
  async pay(order: Order, signal: AbortSignal): Promise<Told<Paid>> {
    const { walletId, settlement, capture } = this.#settings
    const timestamp = this.nowSeconds()
    const body = {
      ...order,
      amount: formatUnits(order.amount),
      walletId,
      timestamp,
      settlement,
      capture,
      ...(await this.#signature(order, timestamp)),
    }
    const paymentId = await this.idOf(order)
    return this.#ask('/pay', { method: 'POST', body: JSON.stringify(body), signal }, (answer) =>
      // An answer about another payment is none.
      answer['paymentId'] === paymentId ? readPaid(answer) : undefined,
    )
  }

  /** Whether a payment of this request id exists: its id, or nothing. */
  find(requestId: string, signal: AbortSignal): Promise<Told<string>> {
    const query = new URLSearchParams({ walletId: this.#settings.walletId, requestId })
    return this.#ask(`/payments?${query}`, { signal }, (body) => {
      const id = body['paymentId']
      return typeof id === 'string' ? id : undefined
    })
  }

  quote(endpointId: string, signal: AbortSignal): Promise<Told<Quote>> {
    return this.#ask(`/endpoints/${encodeURIComponent(endpointId)}`, { signal }, readQuote)
  }

  #content(order: Order): PaymentContent {
    const { walletId, capture } = this.#settings
    return { ...order, walletId, capture } as PaymentContent
  }

  async #signature(order: Order, seconds: number) {
    const { signer, issuer, settlement } = this.#settings
    if (!signer) return {}
    const text = signingText({ ...this.#content(order), issuer, settlement, seconds })
    if (text === undefined) throw new TypeError('the request has a control character')
    const signature = await signer.sign(new TextEncoder().encode(text))
    return { publicKey: signer.publicKey, signature: encodeBase64url(signature) }
  }

  async #ask<Value>(
    path: string,
    init: RequestInit & { signal: AbortSignal },
    read: (body: Record<string, unknown>) => Value | undefined,
  ): Promise<Told<Value>> {
    const { edge, apiKey, timeoutMs } = this.#settings
    try {
      const response = await this.#fetch(`${edge}/v1/x402${path}`, {
        ...init,
        // A key never follows a redirect.
        redirect: 'manual',
        headers: {
          Authorization: `Bearer ${apiKey}`,
          ...(init.body && { 'Content-Type': 'application/json' }),
        },
        signal: AbortSignal.any([init.signal, AbortSignal.timeout(timeoutMs)]),
      })
      const body = await jsonIn(response)
      const value = response.ok && isRecord(body) ? read(body) : undefined
      if (value !== undefined) return { ok: true, value }
      return { ok: false, refused: refusedIn(body, response) ?? unheard }
    } catch {
      init.signal.throwIfAborted()
      return { ok: false, refused: unheard }
    }
  }
}

/** No answer, or one that is not the edge's: nothing is known. */
const unheard: Refused = {
  code: 'outcome_unknown',
  retry: 'same_request',
  detail: 'The edge gave no answer that can be read.',
}

function refusedIn(body: unknown, response: Response): Refused | undefined {
  if (response.ok || !isRecord(body) || typeof body['code'] !== 'string') return undefined
  const seconds = Date.parse(response.headers.get('date') ?? '') / 1000
  return { ...(body as Refused), seconds }
}

function readPaid({ proof, proofExpiresAt }: Record<string, unknown>): Paid | undefined {
  if (proof !== null && typeof proof !== 'string') return undefined
  return { proof, expiresAt: Date.parse(`${proofExpiresAt}`) || 0 }
}

function readQuote(body: Record<string, unknown>): Quote | undefined {
  const [now, next] = [readPrice(body), readPrice(body['next'])]
  return now && { ...(body as Omit<Quote, 'next'>), ...now, next }
}

function readPrice(quoted: unknown): Price | undefined {
  const { price, priceVersion } = isRecord(quoted) ? quoted : {}
  const amount = parseUnits(`${price}`)
  return amount === undefined ? undefined : { amount, priceVersion }
}
