import * as z from 'zod'

/** No amount reaches 2^53, so every client that reads a JSON number still reads it exactly. */
const LIMIT = 2n ** 53n

/**
 * A quantity of one currency in atomic units: 0.01 USDC is `10_000n`. Never a `number`.
 *
 * `Amount.decode` takes only canonical digits below 2^53; `Amount.encode` writes them.
 */
export const Amount = z.codec(
  z.string().regex(/^(0|[1-9]\d{0,15})$/),
  z.bigint().nonnegative().lt(LIMIT).brand<'Amount'>(),
  { decode: (digits) => BigInt(digits), encode: (units) => units.toString() },
)
export type Amount = z.output<typeof Amount>

export const Currency = z.enum(['USDC', 'EURC'])
export type Currency = z.output<typeof Currency>

const decimals: Record<Currency, number> = { USDC: 6, EURC: 6 }

/** How many digits follow the point: one unit is ten to this power of atomic units. */
export const decimalsOf = (currency: Currency): number => decimals[currency]

/**
 * Reads currency units, as a person writes them, into an exact amount; `undefined` when they are
 * anything but digits with at most the currency's decimals.
 *
 * Trailing zeros are accepted (`0.10`), leading ones are not (`00.1`), nor a sign, an exponent, a
 * bare point or a space. Give a JSON number by its source text, so that it is never rounded.
 */
export function parseDecimal(text: string, currency: Currency): Amount | undefined {
  const places = decimalsOf(currency)
  const [, whole, fraction = ''] = /^(0|[1-9]\d{0,15})(?:\.(\d+))?$/.exec(text) ?? []
  if (whole === undefined || fraction.length > places) return undefined

  const atomic = BigInt(whole + fraction.padEnd(places, '0'))
  return atomic < LIMIT ? (atomic as Amount) : undefined
}

/** Writes an amount in currency units, canonical: no needless zeros (`0.1`, `5`, `0`). */
export function formatDecimal(amount: Amount, currency: Currency): string {
  const places = decimalsOf(currency)
  const digits = amount.toString().padStart(places + 1, '0')
  const fraction = digits.slice(-places).replace(/0+$/, '')
  const whole = digits.slice(0, -places)
  return fraction === '' ? whole : `${whole}.${fraction}`
}
