/** Nobody is waited for longer than a day. */
const SECONDS_MAX = 86_400

/** Seconds to wait by a `Retry-After` (RFC 9110 section 10.2.3), at most a day; undefined for none. */
export function parseRetryAfter(text: string, nowSeconds: number): number | undefined {
  const wish = text.trim()
  if (/^\d{1,9}$/.test(wish)) return Math.min(SECONDS_MAX, Number.parseInt(wish, 10))
  if (!/^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/.test(wish)) return undefined
  const moment = Date.parse(wish)
  if (Number.isNaN(moment)) return undefined
  return Math.min(SECONDS_MAX, Math.max(0, Math.ceil(moment / 1000) - nowSeconds))
}
