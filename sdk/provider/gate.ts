import { isWithin, parseResource } from '../../shared/domain/resource.ts'
import {
  encodeHeader,
  headerNames,
  type PaymentRequirements,
  type SettleResponse,
} from '../../shared/protocol/x402.ts'
import * as answers from './answers.ts'
import type { Use } from './first-use.ts'
import type { Settings } from './options.ts'
import { presentedIn } from './presented.ts'
import type { Proof, ProofReason } from './proof.ts'
import { type Quote, Quotes } from './quote.ts'
import { verifyProof } from './verify-proof.ts'

/** Claims outlast the proof they are about, in seconds. */
const CLAIM_MARGIN = 60

/** A request, as far as it is looked at. */
export type Incoming = {
  method: string
  /** Path and query as they arrived. */
  target: string
  header(name: string): string | null | undefined
}

export type Admission =
  | { ok: false; answer: answers.Answer }
  | {
      ok: true
      payment: Proof
      /** What the agent is told of it. */
      receipt: SettleResponse
      /** To be set on the handler's answer. */
      headers: Record<string, string>
      /** Must be called once, with whether the handler delivered. */
      finish: (delivered: boolean) => Promise<void>
    }

/** Stands before one handler: lets a request through when it is paid, once, and else answers it. */
export class Gate {
  readonly #settings: Settings
  readonly #quotes: Quotes

  constructor(settings: Settings) {
    this.#settings = settings
    const { edge, endpointId, quote, fetch, nowSeconds } = settings
    this.#quotes = new Quotes({ edge, endpointId, initial: quote, fetch, nowSeconds })
  }

  /**
   * What the endpoint asks now, as an entry of `accepts`.
   *
   * @throws EdgeUnavailable when that is not known.
   */
  async requirement(): Promise<PaymentRequirements> {
    return (await this.#quotes.current()).requirement
  }

  /** Fails closed: what cannot be known is answered 503, and the handler does not run. */
  async admit(incoming: Incoming): Promise<Admission> {
    try {
      return await this.#admit(incoming)
    } catch (cause) {
      this.#settings.onEvent({ type: 'unavailable', cause })
      return { ok: false, answer: answers.unavailable() }
    }
  }

  async #admit({ method, target, header }: Incoming): Promise<Admission> {
    const quote = await this.#quotes.current()
    const url = this.#publicUrl(quote, target)
    if (url === undefined) return refused(answers.notTheEndpoint(quote))
    if (method !== quote.method) return refused(answers.otherMethod(quote))

    const presented = presentedIn(header, {
      network: quote.requirement.network,
      asset: this.#settings.currency,
      payTo: this.#settings.providerId,
      endpointId: this.#settings.endpointId,
    })
    if (presented.kind === 'none') return this.#refuse(quote, { url })
    if (presented.kind === 'fault') return this.#refuse(quote, { url, reason: presented.reason })
    return this.#accept({ quote, method, url, token: presented.token })
  }

  /** What the agent calls this request: the registered origin, whatever proxies made of the host. */
  #publicUrl(quote: Quote, target: string): string | undefined {
    const text = new URL(quote.resource).origin + this.#settings.basePath + target
    const allowLoopbackHttp = this.#settings.environment === 'test'
    const parsed = parseResource(text, { allowLoopbackHttp })
    return parsed.ok && isWithin(quote.resource, parsed.href) ? parsed.href : undefined
  }

  async #accept(shown: {
    quote: Quote
    method: string
    url: string
    token: string
  }): Promise<Admission> {
    const { quote, method, url, token } = shown
    const settings = this.#settings
    const price = (proof: Proof) => this.#quotes.priceFor(proof)
    const verdict = await verifyProof(token, { ...settings, price, method, url })
    if (!verdict.ok) return this.#refuse(quote, { url, reason: verdict.reason })

    const { proof } = verdict
    // A hold needs a capture and a lease a presentation before it is money; neither is done here.
    if (proof.status === 'held' || proof.lease !== undefined) {
      return this.#refuse(quote, { url, reason: 'proof_not_settled' })
    }
    const use: Use = {
      paymentId: proof.paymentId,
      attemptId: crypto.randomUUID(),
      until: proof.redeemableUntil + CLAIM_MARGIN,
      proof: token,
      endpointId: settings.endpointId,
      method,
      url,
    }
    const reason = await settings.claims.claim(use)
    if (reason) return this.#refuse(quote, { url, reason })
    return this.#admitted(proof, use)
  }

  #admitted(proof: Proof, use: Use): Admission {
    const { onEvent, claims } = this.#settings
    const { paymentId, agentId } = proof
    onEvent({ type: 'accepted', paymentId, agentId })
    const receipt: SettleResponse = {
      success: true,
      transaction: paymentId,
      network: proof.network,
      payer: agentId,
      amount: proof.amount.toString(),
    }
    return {
      ok: true,
      payment: proof,
      receipt,
      headers: {
        'Cache-Control': 'no-store',
        'Access-Control-Expose-Headers': Object.values(headerNames).join(', '),
        [headerNames.response]: encodeHeader(receipt),
      },
      async finish(delivered) {
        if (delivered) return
        // A claim that cannot be given back ends with the proof.
        await claims.release(use).catch((cause: unknown) => onEvent({ type: 'unavailable', cause }))
        onEvent({ type: 'released', paymentId, agentId })
      },
    }
  }

  #refuse(quote: Quote, about: { url: string; reason?: ProofReason }): Admission {
    const { url, reason } = about
    this.#settings.onEvent({ type: 'refused', reason: reason ?? 'payment_required' })
    if (reason === 'ambiguous_proof') return refused(answers.ambiguous())
    const { described } = this.#settings
    return refused(answers.paymentRequired(quote, { url, reason, described }))
  }
}

const refused = (answer: answers.Answer): Admission => ({ ok: false, answer })
