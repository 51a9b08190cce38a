import { parseApiKey } from '../../shared/domain/api-key.ts'
import { edgeOriginOf } from '../../shared/domain/edge-origin.ts'
import { uuidForm } from '../../shared/domain/uuid.ts'
import { Collector, type CollectorParts } from './collector.ts'
import { edgeCall } from './edge-call.ts'
import { type Claims, edgeClaimsBy, memoryClaims } from './first-use.ts'
import { type JsonWebKeySet, type Keys, payosKeys } from './keys.ts'

/** What the paywall did, for logs and counters. Holds no proof. */
export type PaywallEvent =
  | { type: 'accepted' | 'released'; paymentId: string; agentId: string }
  /** Delivered, and then not to be had: a hold that ended, a promise that the edge refused. */
  | { type: 'unpaid'; paymentId: string; agentId: string; reason: string }
  | { type: 'refused'; reason: string }
  | { type: 'unavailable'; cause: unknown }

export type PaywallOptions = {
  /** Origin of the PayOS edge, `https://edge.example`. */
  edge: string
  /** What the edge calls itself, when it is reached by another origin. Default: `edge`. */
  issuer?: string
  /** Your own id. */
  providerId: string
  /** The endpoint this handler serves; its method, URL and price are read from the edge. */
  endpointId: string
  currency?: 'USDC' | 'EURC'
  /** Your key, `sk_test_…` or `sk_live_…`: claims first uses at the edge when `claims` is not set. */
  apiKey?: string
  /** Default: that of `apiKey`, else `live`. */
  environment?: 'test' | 'live'
  /** Where first uses are claimed. Default: the edge with `apiKey`, else this process's memory. */
  claims?: Claims
  /**
   * Which payments are taken. Leased proofs are promises: they are good when they were presented in
   * time, which is done in the background, and `settled` refuses them. Default `leased` with
   * `apiKey`, else `settled`.
   */
  accept?: 'leased' | 'settled'
  /** Keeps a runtime alive for what is collected in the background: Workers' `waitUntil`. */
  waitUntil?: (promise: Promise<unknown>) => void
  /** What a proxy takes off the path before the request arrives here, such as `/v2`. */
  basePath?: string
  description?: string
  mimeType?: string
  /** Answers of the edge to begin with, so that a start does not need it. */
  initial?: { jwks?: JsonWebKeySet; quote?: unknown }
  onEvent?: (event: PaywallEvent) => void
  fetch?: typeof fetch
  /** Unix seconds. */
  nowSeconds?: () => number
}

export type Settings = Required<
  Omit<PaywallOptions, 'apiKey' | 'description' | 'mimeType' | 'initial'>
> & {
  keys: Keys
  /** Who turns promises into money; nobody does without a key. */
  collector: Collector | undefined
  quote: unknown
  described: { description?: string; mimeType?: string }
}

/** @throws TypeError that names the option at fault and shows the accepted form. */
export function readOptions(options: PaywallOptions): Settings {
  const environment = checkParties(options)
  const { basePath = '', description, mimeType, initial = {} } = options
  check(basePath === '' || /^(\/[^/?#]+)+$/.test(basePath), 'basePath', 'a path such as "/v2"')
  const edge = edgeOriginOf(options.edge, environment)
  check(edge, 'edge', 'an https origin, such as "https://edge.example"')
  const get: typeof fetch = options.fetch ?? ((input, init) => fetch(input, init))
  const nowSeconds = options.nowSeconds ?? (() => Date.now() / 1000)
  const onEvent = options.onEvent ?? (() => undefined)
  const waitUntil = options.waitUntil ?? (() => undefined)
  const { jwks, quote } = initial
  return {
    issuer: edge,
    currency: 'USDC',
    ...options,
    ...readCollection(options, { edge, get, nowSeconds, onEvent, waitUntil, environment }),
    onEvent,
    waitUntil,
    edge,
    environment,
    basePath,
    quote,
    keys: payosKeys({ edge, fetch: get, nowSeconds, ...(jwks && { initial: jwks }) }),
    described: { ...(description && { description }), ...(mimeType && { mimeType }) },
    fetch: get,
    nowSeconds,
  }
}

/** How first uses are claimed, and promises collected. Both are done at the edge with a key. */
function readCollection(
  { apiKey, ...options }: PaywallOptions,
  by: Omit<CollectorParts, 'call'> & { edge: string; get: typeof fetch; environment: string },
): Pick<Settings, 'accept' | 'claims' | 'collector'> {
  const { edge, get } = by
  const call = apiKey === undefined ? undefined : edgeCall({ edge, apiKey, fetch: get })
  const collector = call && new Collector({ ...by, call })
  const accept = options.accept ?? (collector ? 'leased' : 'settled')
  check(accept === 'settled' || collector, 'accept', '"settled", or set "apiKey"')
  const ownClaims = call ? edgeClaimsBy(call, by.nowSeconds) : memoryClaims(by.nowSeconds)
  const claims = options.claims ?? ownClaims
  check(
    claims.shared || by.environment === 'test',
    'claims',
    'shared by all processes in live mode: redisClaims(redis), or leave it out and set "apiKey"',
  )
  return { accept, claims, collector }
}

/** Who is paid, and in which environment: without a test key or a word of the user's, live. */
function checkParties({ apiKey, providerId, endpointId, ...options }: PaywallOptions) {
  check(uuidForm.test(providerId), 'providerId', 'a UUID')
  check(uuidForm.test(endpointId), 'endpointId', 'a UUID')
  const key = apiKey === undefined ? undefined : parseApiKey(apiKey)
  const isOurs = apiKey === undefined || key?.kind === 'provider'
  check(isOurs, 'apiKey', 'a provider key, "sk_test_…" or "sk_live_…", as issued')
  const environment = options.environment ?? key?.environment ?? 'live'
  check(!key || key.environment === environment, 'environment', 'that of "apiKey"')
  return environment
}

function check(holds: unknown, option: string, form: string): asserts holds {
  if (!holds) throw new TypeError(`paywall: "${option}" must be ${form}.`)
}
