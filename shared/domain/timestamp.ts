import type { NumberText } from './json.ts'

export type ParsedTimestamp =
  | { ok: true; seconds: number }
  | { ok: false; reason: 'milliseconds' | 'form' }

/**
 * Reads a moment as whole Unix seconds: RFC 3339 with an offset, or digits, as text or number.
 *
 * A fraction of a second is dropped. Dates must exist; a leap second and times before 1970 are
 * refused. Digits that would only make sense as milliseconds have a reason of their own, since
 * that is how they are most often sent.
 */
export function parseTimestamp(value: string | NumberText): ParsedTimestamp {
  const text = typeof value === 'string' ? value : value.source
  if (/^(0|[1-9]\d{0,10})$/.test(text)) return { ok: true, seconds: Number.parseInt(text, 10) }
  if (/^[1-9]\d{11,13}$/.test(text)) return { ok: false, reason: 'milliseconds' }

  const seconds = typeof value === 'string' ? parseRfc3339(text) : undefined
  return seconds === undefined ? { ok: false, reason: 'form' } : { ok: true, seconds }
}

const DATE = /^(\d{4})-(\d\d)-(\d\d)$/
const TIME =
  /^([01]\d|2[0-3]):([0-5]\d):([0-5]\d)(?:\.\d{1,32})?(z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/i

function parseRfc3339(text: string): number | undefined {
  const day = startOfDay(text.slice(0, 10))
  const time = TIME.exec(text.slice(11))
  if (day === undefined || !time || !/^[Tt]$/.test(text.charAt(10))) return undefined

  const [hours = 0, minutes = 0, seconds = 0] = time.slice(1, 4).map(toInteger)
  const moment = day + hours * 3600 + minutes * 60 + seconds - offsetSeconds(time[4] ?? '')
  return moment < 0 ? undefined : moment
}

/** Seconds at midnight UTC, when the calendar has such a day. */
function startOfDay(text: string): number | undefined {
  const [year = 0, month = 0, day = 0] = DATE.exec(text)?.slice(1).map(toInteger) ?? []
  const date = new Date(Date.UTC(year, month - 1, day))
  // Date.UTC carries the 31st of April over to May, and reads the years 0 to 99 as 1900 to 1999.
  const exists = date.getUTCFullYear() === year && date.getUTCMonth() === month - 1
  return exists && date.getUTCDate() === day ? date.getTime() / 1000 : undefined
}

/** How far ahead of UTC the offset is; `Z` is not at all. */
function offsetSeconds(offset: string): number {
  if (offset.length === 1) return 0
  const [hours = 0, minutes = 0] = offset.slice(1).split(':').map(toInteger)
  const seconds = hours * 3600 + minutes * 60
  return offset.startsWith('-') ? -seconds : seconds
}

const toInteger = (digits: string): number => Number.parseInt(digits, 10)
