import { parseUnits } from '../../shared/domain/decimal.ts'
import { edgeOriginOf } from '../../shared/domain/edge-origin.ts'
import { uuidForm } from '../../shared/domain/uuid.ts'
import { type Journal, memoryJournal } from './journal.ts'
import { type Signer, signerFrom } from './signer.ts'

/** What the agent is about to buy. Amounts in currency units. */
export type Offer = {
  url: string
  method: string
  endpointId: string
  providerId: string
  amount: string
  currency: string
  /** What this endpoint cost when it was first bought. */
  firstAmount: string
}

/** What happens on the way, in this order; `retrying` follows `paying`, and `presenting` may repeat. */
export type PaymentEvent =
  | { type: 'offered' | 'price_rise' | 'dry_run'; offer: Offer }
  | { type: 'paying' | 'paid' | 'presenting' | 'delivered'; requestId: string; paymentId: string }
  | { type: 'retrying'; requestId: string; code: string; waitMs: number }

/** Time as the client sees it; give your own to test without waiting. */
export type Timing = {
  /** Milliseconds since the Unix epoch. */
  now(): number
  wait(ms: number, signal: AbortSignal): Promise<void>
}

export type PaymentOptions = {
  /** Origin of the PayOS edge, `https://edge.example`. */
  edge: string
  /** What the edge calls itself, when it is reached by another origin. Default: `edge`. */
  issuer?: string
  /** The agent's key, `pk_test_…` or `pk_live_…`. */
  apiKey: string
  walletId: string
  /** What the wallet holds. Default `USDC`. */
  currency?: 'USDC' | 'EURC'
  /** The agent's Ed25519 key as a private JWK, or what signs with it; needed once one is registered. */
  signer?: JsonWebKey | Signer
  /** The most one call may cost, in currency units. Default `0.10`; `0` pays nothing. */
  maxAmount?: string | number
  /** What this client may spend in its life; the owner's policy at the edge decides beyond that. */
  budget?: { total?: string | number; perOrigin?: string | number }
  /** How far a price may rise above the first one seen, in percent. Default 100: to its double. */
  maxPriceRise?: number
  /** Asked before each payment; anything but `true` refuses it. */
  approve?: (offer: Offer) => boolean | Promise<boolean>
  /** Checks everything and pays nothing: the 402 is returned. */
  dryRun?: boolean
  /** Default {@link memoryJournal}. */
  journal?: Journal
  settlement?: 'sync' | 'async'
  capture?: 'automatic' | 'manual'
  /** How long one call to the edge may take. Default 10 000. */
  timeoutMs?: number
  onEvent?: (event: PaymentEvent) => void
  timing?: Timing
}

/** Options, read and complete. Amounts in atomic units. */
export type Settings = Required<
  Omit<PaymentOptions, 'signer' | 'maxAmount' | 'budget' | 'approve' | 'onEvent'>
> & {
  environment: 'test' | 'live'
  signer: Signer | undefined
  maxAmount: bigint
  total: bigint
  perOrigin: bigint
  /** What a price may be, in percent of the first one. */
  percentMax: bigint
  approve: (offer: Offer) => unknown
  onEvent: (event: PaymentEvent) => void
}

const defaults = {
  currency: 'USDC',
  maxAmount: '0.10',
  budget: {} as NonNullable<PaymentOptions['budget']>,
  maxPriceRise: 100,
  approve: () => true,
  dryRun: false,
  settlement: 'sync',
  capture: 'automatic',
  timeoutMs: 10_000,
  onEvent: () => undefined,
} as const

const required = ['edge', 'issuer', 'apiKey', 'walletId', 'signer', 'journal', 'timing']

/** @throws TypeError that names the option at fault and shows the accepted form. */
export function readOptions(options: PaymentOptions): Settings {
  const known = [...required, ...Object.keys(defaults)]
  for (const name of Object.keys(options)) check(known.includes(name), name, `one of ${known}`)

  const given = { ...defaults, ...options }
  const { apiKey, walletId, budget, signer, maxPriceRise, timeoutMs } = given
  const environment = /^pk_(test|live)_\w{66}$/.exec(apiKey)?.[1] as 'test' | 'live'
  check(environment, 'apiKey', 'an agent key, "pk_test_…" or "pk_live_…", as issued')
  check(uuidForm.test(walletId), 'walletId', 'a UUID')
  check(/^\d{1,9}$/.test(`${maxPriceRise}`), 'maxPriceRise', 'a whole percentage, such as 50')
  check(timeoutMs > 0, 'timeoutMs', 'milliseconds, such as 10000')
  oneOf('currency', given.currency, ['USDC', 'EURC'])
  oneOf('settlement', given.settlement, ['sync', 'async'])
  oneOf('capture', given.capture, ['automatic', 'manual'])
  const edge = edgeOriginOf(given.edge, environment)
  check(edge, 'edge', 'an https origin, such as "https://edge.example"')
  return {
    issuer: edge,
    journal: memoryJournal(),
    timing: realTime,
    ...given,
    edge,
    environment,
    signer: signer && signerFrom(signer),
    percentMax: BigInt(100 + maxPriceRise),
    maxAmount: amountOf('maxAmount', given.maxAmount),
    total: amountOf('budget.total', budget.total ?? UNLIMITED),
    perOrigin: amountOf('budget.perOrigin', budget.perOrigin ?? UNLIMITED),
  }
}

/** Above every amount of money there is. */
const UNLIMITED = '9000000000'

function check(holds: unknown, option: string, form: string): asserts holds {
  if (!holds) throw new TypeError(`withPayments: "${option}" must be ${form}.`)
}

function amountOf(option: string, value: string | number): bigint {
  const amount = parseUnits(`${value}`)
  check(amount !== undefined, option, 'currency units, such as "0.10", 5 or 0')
  return amount
}

const oneOf = (option: string, value: string, values: readonly string[]) =>
  check(values.includes(value), option, values.map((it) => `"${it}"`).join(' or '))

const realTime: Timing = {
  now: () => Date.now(),
  wait: (ms, signal) =>
    new Promise((resolve, reject) => {
      signal.throwIfAborted()
      signal.addEventListener('abort', () => reject(signal.reason), { once: true })
      setTimeout(resolve, ms)
    }),
}
