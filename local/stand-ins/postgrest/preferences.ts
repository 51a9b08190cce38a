import { Refusal, unsupported } from './failure.ts'

export type Preferences = {
  rollback: boolean
  timezone: string | undefined
  /** What the answer's `Preference-Applied` says. */
  applied: string[]
  /** Not known to PostgREST, and `handling=strict` was asked for. */
  refused: string[]
}

/** Known, but without an effect on a function's call. */
const WITHOUT_EFFECT = new Set([
  'resolution=merge-duplicates',
  'resolution=ignore-duplicates',
  'return=representation',
  'return=minimal',
  'return=headers-only',
  'missing=default',
  'missing=null',
  'tx=commit',
  'tx=rollback',
  'handling=strict',
  'handling=lenient',
])

/** Reads the Prefer header. How a transaction ends is the caller's choice only when allowed. */
export function preferencesOf(header: string | undefined, allowRollback: boolean): Preferences {
  const items = header?.split(',').map((item) => item.trim()) ?? []
  const left = items.find((it) => it.startsWith('count=') || it.startsWith('max-affected='))
  if (left) throw unsupported(`the preference ${left}`)

  const transaction = allowRollback ? items.find((it) => /^tx=(commit|rollback)$/.test(it)) : null
  const handling = items.find((it) => /^handling=(strict|lenient)$/.test(it))
  const zone = items.find((it) => it.startsWith('timezone='))
  const timezone = zone && isTimezone(zone.slice(9)) ? zone.slice(9) : undefined
  return {
    rollback: transaction === 'tx=rollback',
    timezone,
    applied: [transaction, handling, timezone && zone].filter((it) => typeof it === 'string'),
    refused:
      handling === 'handling=strict'
        ? items.filter((it) => !WITHOUT_EFFECT.has(it) && !(timezone && it === zone))
        : [],
  }
}

export function demandKnown({ refused }: Preferences): void {
  if (refused.length === 0) return
  throw new Refusal({
    status: 400,
    code: 'PGRST122',
    message: 'Invalid preferences given with handling=strict',
    details: `Invalid preferences: ${refused.join(', ')}`,
  })
}

function isTimezone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return true
  } catch {
    return false
  }
}
