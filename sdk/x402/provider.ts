import { parseUnits } from '../../shared/domain/decimal.ts'
import { networkOf, PROOF_SECONDS } from '../../shared/domain/proof-terms.ts'
import { SCHEME } from '../../shared/protocol/x402.ts'
import { type Admission, Gate } from '../provider/gate.ts'
import { type PaywallOptions, readOptions } from '../provider/options.ts'
import { isHold } from '../provider/sale.ts'
import type {
  AssetAmount,
  HttpRequest,
  Network,
  PaymentContext,
  PaymentRequirements,
  Price,
  SettleResponse,
  SupportedResponse,
  VerifyResponse,
} from './core.ts'

/** Options of {@link paywall}, for all endpoints of one provider. */
export type PayosProviderOptions = Omit<
  PaywallOptions,
  'endpointId' | 'description' | 'mimeType' | 'initial'
>

type Verdict =
  | { abort: true; reason: string }
  | { skip: true; result: { isValid: true; payer: string } }

/** The provider's side of the scheme. */
export type PayosProvider = {
  /** The network of its environment: `register(payos.network, payos.scheme)`. */
  readonly network: Network
  readonly scheme: PayosServerScheme
  /** Knows what it supports without asking: the first request of a Worker is served. */
  readonly facilitator: PayosFacilitator
  /** The entry of `accepts` for a registered endpoint; its price is read from the edge. */
  accept(endpointId: string): PaymentOption
}

export type PaymentOption = {
  scheme: string
  network: Network
  payTo: string
  maxTimeoutSeconds: number
  price: () => Promise<AssetAmount>
}

/** What `x402ResourceServer.register` takes. */
export type PayosServerScheme = {
  readonly scheme: string
  readonly defaultAssetTransferMethod: string
  readonly paymentFlows: {
    default: { supported: 'authorization'[]; default: 'authorization' }
  }
  readonly schemeHooks: {
    onBeforeVerify(context: PaymentContext): Promise<Verdict>
    onVerifiedPaymentCanceled(context: PaymentContext): Promise<void>
  }
  parsePrice(price: Price, network: Network): Promise<AssetAmount>
  getAssetDecimals(): number
  enhancePaymentRequirements<Requirements>(requirements: Requirements): Promise<Requirements>
}

/** What `new x402ResourceServer` takes. */
export type PayosFacilitator = {
  getSupported(): Promise<SupportedResponse>
  verify(payload: object, requirements: PaymentRequirements): Promise<VerifyResponse>
  settle(payload: object, requirements: PaymentRequirements): Promise<SettleResponse>
}

type Admitted = Extract<Admission, { ok: true }>

/**
 * Takes `payos-ticket` payments for the official x402 v2 servers: proofs are verified here and each
 * payment is claimed before the handler runs, so that it runs once. What cannot be known is refused.
 *
 * @throws TypeError at once, when an option is not as expected.
 */
export function payosProvider(options: PayosProviderOptions): PayosProvider {
  const gates = new Map<string, Gate>()
  const gateOf = (endpointId: string) => new Gate(readOptions({ ...options, endpointId }))
  // Any UUID shows whether the other options are good.
  const { environment, issuer, currency } = readOptions({
    ...options,
    endpointId: options.providerId,
  })
  const network: Network = networkOf(environment)
  const admitted = new WeakMap<object, Admitted>()
  return {
    network,
    scheme: serverScheme({ gates, admitted, currency }),
    facilitator: facilitator({ admitted, network, issuer }),
    accept(endpointId) {
      const gate = gates.get(endpointId) ?? gateOf(endpointId)
      gates.set(endpointId, gate)
      return {
        scheme: SCHEME,
        network,
        payTo: options.providerId,
        maxTimeoutSeconds: PROOF_SECONDS,
        async price() {
          const { asset, amount, extra } = await gate.requirement()
          return { asset, amount, extra }
        },
      }
    },
  }
}

function serverScheme(parts: {
  gates: ReadonlyMap<string, Gate>
  admitted: WeakMap<object, Admitted>
  currency: string
}): PayosServerScheme {
  const { gates, admitted, currency } = parts
  return {
    scheme: SCHEME,
    defaultAssetTransferMethod: 'default',
    paymentFlows: { default: { supported: ['authorization'], default: 'authorization' } },
    schemeHooks: {
      // An error thrown here would let the request through to another verification: none is.
      async onBeforeVerify({ paymentPayload, requirements, transportContext }) {
        const gate = gates.get(String(requirements.extra['endpointId']))
        const request = requestIn(transportContext)
        if (!gate || !request) return { abort: true, reason: 'invalid_payment_requirements' }
        const admission = await gate.admit(request)
        if (!admission.ok) return { abort: true, reason: admission.answer.code }
        admitted.set(paymentPayload, admission)
        return { skip: true, result: { isValid: true, payer: admission.payment.agentId } }
      },
      async onVerifiedPaymentCanceled({ paymentPayload }) {
        await admitted.get(paymentPayload)?.finish(false)
      },
    },
    async parsePrice(price) {
      if (typeof price === 'object') return price
      const amount = parseUnits(String(price).replace(/^\$/, ''))
      if (amount === undefined) throw new TypeError(`${price} is no price; write "$0.01".`)
      return { asset: currency, amount: amount.toString() }
    },
    getAssetDecimals: () => 6,
    enhancePaymentRequirements: async (requirements) => requirements,
  }
}

/** What was asked, as it arrived; nothing when the transport is not HTTP. */
function requestIn(context: unknown): Parameters<Gate['admit']>[0] | undefined {
  const { request } = (context ?? {}) as { request?: HttpRequest }
  if (!request?.adapter) return undefined
  const { adapter, method } = request
  return {
    method,
    target: adapter.getUrl().replace(/^[a-z]+:\/\/[^/?#]*/i, ''),
    header: (name) => adapter.getHeader(name),
  }
}

function facilitator(parts: {
  admitted: WeakMap<object, Admitted>
  network: Network
  issuer: string
}): PayosFacilitator {
  const { admitted, network, issuer } = parts
  return {
    async getSupported() {
      const kind = { x402Version: 2, scheme: SCHEME, network, extra: { issuer } }
      return { kinds: [kind], extensions: [], signers: {} }
    },
    // The scheme verifies. Whatever gets here was not seen by it.
    async verify() {
      return { isValid: false, invalidReason: 'unexpected_verify_error' }
    },
    async settle(payload, { amount }) {
      const admission = admitted.get(payload)
      if (!admission) {
        const errorReason = 'unexpected_settle_error'
        return { success: false, errorReason, transaction: '', network }
      }
      const { payment } = admission
      // A route may charge less than it held; what is settled already stays as it is.
      const isLess = BigInt(amount) < payment.amount
      if (isHold(payment) && isLess) payment.charge(BigInt(amount))
      const instead = await admission.finish(true)
      if (instead) return { success: false, errorReason: instead.code, transaction: '', network }
      return { ...admission.receipt(), network }
    },
  }
}
