import { notDone, Refusal } from './refusal.ts'

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000

/** Long enough to meet a 29th of February from anywhere. */
const HORIZON_DAYS = 9 * 366

type Cron = {
  minutes: Set<number>
  hours: Set<number>
  days: Set<number>
  months: Set<number>
  weekdays: Set<number>
  /** Both day fields restricted: one of them is enough, as in every cron. */
  eitherDay: boolean
}

/** The first minute after `afterMs` (UTC) that a cron expression of five fields names. */
export function nextMinute(expression: string, afterMs: number): number {
  const cron = parseCron(expression)
  const first = Math.floor(afterMs / MINUTE_MS + 1) * MINUTE_MS
  const firstDay = Math.floor(first / DAY_MS)
  for (let day = firstDay; day < firstDay + HORIZON_DAYS; day += 1) {
    if (!isDay(cron, new Date(day * DAY_MS))) continue
    const at = minuteOfDay(cron, day === firstDay ? (first % DAY_MS) / MINUTE_MS : 0)
    if (at !== undefined) return day * DAY_MS + at * MINUTE_MS
  }
  throw new Refusal(400, `invalid cron expression: ${expression} never comes`)
}

function minuteOfDay({ hours, minutes }: Cron, from: number): number | undefined {
  for (let at = from; at < 24 * 60; at += 1) {
    if (hours.has(Math.floor(at / 60)) && minutes.has(at % 60)) return at
  }
  return undefined
}

function isDay({ days, months, weekdays, eitherDay }: Cron, date: Date): boolean {
  if (!months.has(date.getUTCMonth() + 1)) return false
  const [day, weekday] = [days.has(date.getUTCDate()), weekdays.has(date.getUTCDay())]
  return eitherDay ? day || weekday : day && weekday
}

function parseCron(expression: string): Cron {
  if (expression.includes('TZ=')) throw notDone('time zones in cron expressions')
  const fields = expression.trim().split(/\s+/)
  const [minute, hour, day, month, weekday] = fields
  if (fields.length !== 5 || !minute || !hour || !day || !month || !weekday) {
    throw new Refusal(400, `invalid cron expression: ${expression} has not five fields`)
  }
  return {
    minutes: valuesOf(minute, 0, 59),
    hours: valuesOf(hour, 0, 23),
    days: valuesOf(day, 1, 31),
    months: valuesOf(month, 1, 12),
    weekdays: new Set([...valuesOf(weekday, 0, 7)].map((value) => value % 7)),
    eitherDay: !day.startsWith('*') && !weekday.startsWith('*'),
  }
}

function valuesOf(field: string, least: number, most: number): Set<number> {
  const values = new Set<number>()
  for (const part of field.split(',')) {
    const match = /^(?:\*|(\d+)(?:-(\d+))?)(?:\/(\d+))?$/.exec(part)
    const from = Number(match?.[1] ?? least)
    const openEnd = match?.[1] === undefined || match[3] !== undefined
    const to = Number(match?.[2] ?? (openEnd ? most : from))
    const step = Number(match?.[3] ?? 1)
    if (!match || from < least || to > most || from > to || step < 1) {
      throw new Refusal(400, `invalid cron expression: ${part} is not within ${least}-${most}`)
    }
    for (let value = from; value <= to; value += step) values.add(value)
  }
  return values
}
