import * as z from 'zod'
import { formatUnits, LIMIT, parseUnits } from './decimal.ts'

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

/** Reads currency units into an exact amount, or `undefined`; by the rules of `parseUnits`. */
export const parseDecimal = (text: string, currency: Currency): Amount | undefined =>
  parseUnits(text, decimalsOf(currency)) as Amount | undefined

/** Writes an amount in currency units, canonical: no needless zeros (`0.1`, `5`, `0`). */
export const formatDecimal = (amount: Amount, currency: Currency): string =>
  formatUnits(amount, decimalsOf(currency))
