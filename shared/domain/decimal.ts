/** No amount reaches 2^53, so every client that reads a JSON number still reads it exactly. */
const LIMIT = 2n ** 53n

/** USDC and EURC both have six decimals. */
const PLACES = 6

/**
 * Reads currency units exactly, as atomic units; `undefined` for anything but digits with at most
 * six decimals. What `parseDecimal` does, for code that must stay small enough for an SDK.
 */
export function parseUnits(text: string): bigint | undefined {
  const [, whole, fraction = ''] = /^(0|[1-9]\d{0,15})(?:\.(\d+))?$/.exec(text) ?? []
  if (whole === undefined || fraction.length > PLACES) return undefined

  const atomic = BigInt(whole + fraction.padEnd(PLACES, '0'))
  return atomic < LIMIT ? atomic : undefined
}

/** Reads canonical atomic digits; `undefined` for any other text, and from 2^53 on. */
export function parseAtomic(text: unknown): bigint | undefined {
  if (typeof text !== 'string' || !/^(0|[1-9]\d{0,15})$/.test(text)) return undefined
  return BigInt(text) < LIMIT ? BigInt(text) : undefined
}

/** Writes atomic units in currency units, canonical: no needless zeros (`0.1`, `5`, `0`). */
export function formatUnits(atomic: bigint): string {
  const digits = atomic.toString().padStart(PLACES + 1, '0')
  const fraction = digits.slice(-PLACES).replace(/0+$/, '')
  const whole = digits.slice(0, -PLACES)
  return fraction === '' ? whole : `${whole}.${fraction}`
}
