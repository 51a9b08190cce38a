import type { PaymentRequirements } from '../../shared/protocol/x402.ts'

// What is used of `@x402/core` v2, by form: the packages fit these types and are not imported.

export type Network = `${string}:${string}`

/** An amount of an asset, as a route may give its price. */
export type AssetAmount = { asset: string; amount: string; extra?: Record<string, unknown> }

export type Price = string | number | AssetAmount

/** What a client is about to pay, and what it was told. */
export type PaymentCreation = {
  paymentRequired: { resource?: { url: string }; extensions?: Record<string, unknown> }
  selectedRequirements: object
}

/** A request as the adapters of the official middlewares show it. */
export type HttpRequest = {
  method: string
  adapter: { getHeader(name: string): string | undefined; getUrl(): string }
}

/** What a hook around one payment is given. The payload is the same object in each. */
export type PaymentContext = {
  paymentPayload: object
  requirements: { readonly extra: Readonly<Record<string, unknown>> }
  transportContext?: unknown
}

export type VerifyResponse = { isValid: boolean; invalidReason?: string; payer?: string }

export type SettleResponse = {
  success: boolean
  errorReason?: string
  payer?: string
  transaction: string
  network: Network
  amount?: string
}

export type SupportedResponse = {
  kinds: { x402Version: number; scheme: string; network: Network; extra: Record<string, unknown> }[]
  extensions: string[]
  signers: Record<string, string[]>
}

export type { PaymentRequirements }
