import { isWithin, parseResource } from '../../shared/domain/resource.ts'
import { isNamed } from '../../shared/protocol/payment-identifier.ts'
import {
  encodeHeader,
  headerNames,
  type PaymentRequirements,
  type SettleResponse,
} from '../../shared/protocol/x402.ts'
import * as answers from './answers.ts'
import type { Use } from './first-use.ts'
import type { Settings } from './options.ts'
import { type Presented, presentedIn } from './presented.ts'
import { namesOf, type Payment, type Proof, type ProofReason } from './proof.ts'
import { type Quote, Quotes } from './quote.ts'
import { isHold, Sale } from './sale.ts'
import { verifyProof } from './verify-proof.ts'

/** Claims outlast the proof they are about. */
const CLAIM_MARGIN_SECONDS = 60

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
      payment: Payment
      /** What the agent is told of it, as of now. */
      receipt: () => SettleResponse
      /** To be set on the handler's answer. */
      headers: () => Record<string, string>
      /**
       * Must be called once, with whether the handler delivered. Answers what is to be sent instead
       * when a hold turns out to be no money.
       */
      finish: (delivered: boolean) => Promise<answers.Answer | undefined>
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
    return this.#accept({ quote, method, url, presented })
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
    presented: Extract<Presented, { kind: 'proof' }>
  }): Promise<Admission> {
    const { quote, method, url, presented } = shown
    const { token, identifier } = presented
    const settings = this.#settings
    const price = (proof: Proof) => this.#quotes.priceFor(proof)
    const verdict = await verifyProof(token, { ...settings, price, method, url })
    if (!verdict.ok) return this.#refuse(quote, { url, reason: verdict.reason })

    const { proof } = verdict
    // A name that is not this payment's would bind the answer to somebody else's.
    if (identifier && !(await isNamed(identifier, proof.requestId))) {
      return this.#refuse(quote, { url, reason: 'proof_malformed' })
    }
    const { accept, collector } = settings
    const isUncollectable = isHold(proof) ? !collector : accept === 'settled'
    if (proof.status === 'held' && isUncollectable) {
      return this.#refuse(quote, { url, reason: 'proof_not_settled' })
    }
    const use: Use = {
      paymentId: proof.paymentId,
      attemptId: crypto.randomUUID(),
      until: (proof.captureBy ?? proof.redeemableUntil) + CLAIM_MARGIN_SECONDS,
      proof: token,
      endpointId: settings.endpointId,
      method,
      url,
    }
    const reason = await settings.claims.claim(use)
    if (reason) return this.#refuse(quote, { url, reason })
    settings.onEvent({ type: 'accepted', ...namesOf(proof) })
    return admitted(new Sale({ proof, use, settings }), (refusal) =>
      answers.paymentRequired(quote, { url, reason: refusal, described: settings.described }),
    )
  }

  #refuse(quote: Quote, about: { url: string; reason?: ProofReason }): Admission {
    const { url, reason } = about
    this.#settings.onEvent({ type: 'refused', reason: reason ?? 'payment_required' })
    if (reason === 'ambiguous_proof') return refused(answers.ambiguous())
    const { described } = this.#settings
    return refused(answers.paymentRequired(quote, { url, reason, described }))
  }
}

function admitted(sale: Sale, refusal: (reason: ProofReason) => answers.Answer): Admission {
  return {
    ok: true,
    payment: sale.payment,
    receipt: () => sale.receipt(),
    headers: () => ({
      'Cache-Control': 'no-store',
      'Access-Control-Expose-Headers': Object.values(headerNames).join(', '),
      [headerNames.response]: encodeHeader(sale.receipt()),
    }),
    async finish(delivered) {
      const reason = await sale.finish(delivered)
      return reason && refusal(reason)
    },
  }
}

const refused = (answer: answers.Answer): Admission => ({ ok: false, answer })
