import type { EndpointId, ProviderId } from './ids.ts'
import type { Amount, Currency } from './money.ts'

/** What an endpoint costs now, and what was announced: what a provider quotes in a 402. */
export type Quote = {
  endpointId: EndpointId
  providerId: ProviderId
  method: string
  /** The registered URL, without query. */
  url: string
  currency: Currency
  amount: Amount
  priceVersion: number
  /** Whether it takes payments. */
  active: boolean
  next: { amount: Amount; priceVersion: number; validFrom: number } | undefined
}

/** How old a quote may be when it is told. A price is announced at least 180 seconds ahead. */
export const QUOTE_SECONDS = 60

/** A page of the endpoints that are listed, each with the moment its price began; how many in all. */
export type Listing = {
  total: number
  endpoints: readonly { quote: Quote; since: number }[]
}

/** A part of a list: how many, after how many. */
export type Page = { limit: number; offset: number }
