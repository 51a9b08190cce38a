import {
  amount,
  type Endpoint,
  type Instant,
  integer,
  NOT_NULL,
  Raised,
  type State,
  seconds,
  unix,
  WRONG_ARGUMENT,
} from './state.ts'

const NOTICE = seconds(180)

/** Versions count from one. */
export const priceOf = (endpoint: Endpoint, version: number) => endpoint.prices[version - 1]

/** The version valid at a moment; zero before the first. */
export const versionAt = (endpoint: Endpoint, moment: Instant): number =>
  endpoint.prices.findLastIndex(({ validFrom }) => validFrom <= moment) + 1

/** Whether a version was valid at some moment from `since` until now. */
export function wasValid(
  endpoint: Endpoint,
  version: number,
  { since, now }: { since: Instant; now: Instant },
): boolean {
  const began = priceOf(endpoint, version)?.validFrom ?? Number.POSITIVE_INFINITY
  const ended = priceOf(endpoint, version + 1)?.validFrom ?? Number.POSITIVE_INFINITY
  return began <= now && ended > since
}

/** What a provider quotes in a 402; null for an endpoint nobody can quote. */
export function getEndpoint(ledger: State, args: { endpoint_id: string }) {
  const endpoint = ledger.endpoints.get(args.endpoint_id)
  const version = endpoint ? versionAt(endpoint, ledger.now) : 0
  if (!endpoint || version === 0) return null
  const next = priceOf(endpoint, version + 1)
  return {
    endpoint_id: args.endpoint_id,
    provider_id: endpoint.providerId,
    method: endpoint.method,
    url: endpoint.url,
    currency: endpoint.currency,
    active: isActive(ledger, endpoint),
    amount: String(priceOf(endpoint, version)?.amount),
    price_version: version,
    next: next
      ? {
          amount: String(next.amount),
          price_version: version + 1,
          valid_from: unix(next.validFrom),
        }
      : null,
  }
}

/** A page of the endpoints that are listed and cost something, oldest first. */
export function listEndpoints(ledger: State, args: { most: number; skip: number }) {
  const listed = [...ledger.endpoints].flatMap(([id, endpoint]) => {
    const price = priceOf(endpoint, versionAt(endpoint, ledger.now))
    const found = endpoint.discoverable && isActive(ledger, endpoint) && price?.amount !== 0n
    return found && price ? [{ id, since: unix(price.validFrom) }] : []
  })
  const page = listed.slice(args.skip, args.skip + args.most)
  const endpoints = page.map(({ id, since }) => ({
    ...getEndpoint(ledger, { endpoint_id: id }),
    since,
  }))
  return { total: listed.length, endpoints }
}

/** An endpoint takes payments only while its provider is in business. */
export const isActive = (ledger: State, endpoint: Endpoint): boolean =>
  endpoint.status === 'active' && ledger.providers.get(endpoint.providerId)?.status === 'active'

export function announcePrice(
  ledger: State,
  args: { endpoint_id: string; price: string; valid_from: string },
): number {
  const prices = ledger.endpoints.get(args.endpoint_id)?.prices
  const price = { amount: integer(args.price), validFrom: Date.parse(args.valid_from) }
  const known = prices?.findIndex(
    (it) => it.amount === price.amount && it.validFrom === price.validFrom,
  )
  if (known !== undefined && known >= 0) return known + 1

  const last = prices?.at(-1)
  const tooEarly = price.validFrom < ledger.now + NOTICE
  if (tooEarly || (last && price.validFrom <= last.validFrom)) throw new Raised(WRONG_ARGUMENT)
  if (!prices) throw new Raised(NOT_NULL)
  amount(price.amount)
  return prices.push(price)
}
