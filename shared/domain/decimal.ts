/** No amount reaches 2^53, so every client that reads a JSON number still reads it exactly. */
export const LIMIT = 2n ** 53n

/** USDC and EURC both have six decimals. */
const PLACES = 6

/**
 * Reads currency units, as a person writes them, into exact atomic units; `undefined` when they are
 * anything but digits with at most `places` decimals. Small enough for an SDK: no schema.
 *
 * Trailing zeros are accepted (`0.10`), leading ones are not (`00.1`), nor a sign, an exponent, a
 * bare point or a space. Give a JSON number by its source text, so that it is never rounded.
 */
export function parseUnits(text: string, places = PLACES): bigint | undefined {
  const [, whole, fraction = ''] = /^(0|[1-9]\d{0,15})(?:\.(\d+))?$/.exec(text) ?? []
  if (whole === undefined || fraction.length > places) return undefined

  const atomic = BigInt(whole + fraction.padEnd(places, '0'))
  return atomic < LIMIT ? atomic : undefined
}

/** Reads canonical atomic digits; `undefined` for any other text, and from 2^53 on. */
export function parseAtomic(text: unknown): bigint | undefined {
  if (typeof text !== 'string' || !/^(0|[1-9]\d{0,15})$/.test(text)) return undefined
  return BigInt(text) < LIMIT ? BigInt(text) : undefined
}

/** Writes atomic units in currency units, canonical: no needless zeros (`0.1`, `5`, `0`). */
export function formatUnits(atomic: bigint, places = PLACES): string {
  const digits = atomic.toString().padStart(places + 1, '0')
  const fraction = digits.slice(-places).replace(/0+$/, '')
  const whole = digits.slice(0, -places)
  return fraction === '' ? whole : `${whole}.${fraction}`
}
