import { ReplyError } from './reply.ts'

const INT64_MIN = -(2n ** 63n)
const INT64_MAX = 2n ** 63n - 1n
const INTEGER = /^(?:0|-?[1-9]\d{0,18})$/
const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i
const INFINITE = /^([+-]?)inf(?:inity)?$/i

const NOT_AN_INTEGER = 'ERR value is not an integer or out of range'

/** The signed 64-bit integer that `text` spells, or undefined: Redis accepts one spelling only. */
function parseInt64(text: string): bigint | undefined {
  if (!INTEGER.test(text)) return undefined
  const value = BigInt(text)
  return inInt64(value) ? value : undefined
}

export const inInt64 = (value: bigint) => value >= INT64_MIN && value <= INT64_MAX

/** The integer that `text` spells; throws Redis's error when it spells none. */
export function needInt64(text: string, otherwise = NOT_AN_INTEGER): bigint {
  const value = parseInt64(text)
  if (value === undefined) throw new ReplyError(otherwise)
  return value
}

/** Like {@link needInt64}, for counts and indexes, where beyond 2^53 is as good as infinite. */
export function needInteger(text: string, otherwise = NOT_AN_INTEGER): number {
  const value = Number(needInt64(text, otherwise))
  return Math.max(Number.MIN_SAFE_INTEGER, Math.min(value, Number.MAX_SAFE_INTEGER))
}

/** The double that `text` spells, infinities included; throws `otherwise` when it spells none. */
export function needDouble(text: string, otherwise = 'ERR value is not a valid float'): number {
  const infinite = INFINITE.exec(text)
  if (infinite) return infinite[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
  if (!DECIMAL.test(text)) throw new ReplyError(otherwise)
  return Number(text)
}

/** An integer reply, as a number where that is exact. */
export function integer(value: bigint): bigint | number {
  const asNumber = Number(value)
  return Number.isSafeInteger(asNumber) ? asNumber : value
}

/** What Lua's conversion to a 64-bit integer gives: the fraction is dropped, overflow is the minimum. */
export function truncate(value: number): bigint | number {
  const whole = Math.trunc(value)
  if (Number.isSafeInteger(whole)) return whole === 0 ? 0 : whole
  if (!Number.isFinite(whole)) return INT64_MIN
  const exact = BigInt(whole)
  return inInt64(exact) ? exact : INT64_MIN
}

/** `printf("%.<precision>g")`, the way Redis and Lua write doubles. */
export function formatG(value: number, precision: number): string {
  if (Number.isNaN(value)) return 'nan'
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf'
  if (value === 0) return Object.is(value, -0) ? '-0' : '0'
  if (Number.isSafeInteger(value) && Math.abs(value) < 1e14) return String(value)

  const [mantissa = '', power = '0'] = value.toExponential(precision - 1).split('e')
  const exponent = Number(power)
  if (exponent >= -4 && exponent < precision) {
    return withoutZeros(value.toFixed(precision - 1 - exponent))
  }
  const digits = String(Math.abs(exponent)).padStart(2, '0')
  return `${withoutZeros(mantissa)}e${exponent < 0 ? '-' : '+'}${digits}`
}

const withoutZeros = (text: string) => (text.includes('.') ? text.replace(/\.?0+$/, '') : text)

/** A sorted-set score as a reply. */
export const formatScore = (score: number) => formatG(score, 17)
