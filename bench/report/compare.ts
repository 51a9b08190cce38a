import type { Figure } from '../scenario.ts'
import { format } from './format.ts'

/** What a figure must differ by, at least, to be more than noise. */
const NOISE = 0.15

const moreIsBetter = new Set<Figure['unit']>(['/s', '%'])

export type Change = { name: string; title: string; factor: number; isWorse: boolean; text: string }

/**
 * What changed between two runs by more than noise, the worst first.
 *
 * Where both runs hold a ratio to the same contender the ratios are compared, since they do not
 * depend on the machine. A figure is noise while it is within 15 %, or the two spreads overlap.
 */
export function compare(baseline: readonly Figure[], current: readonly Figure[]): Change[] {
  const known = new Map(baseline.map((figure) => [figure.name, figure]))
  return current
    .flatMap((figure) => {
      const before = known.get(figure.name)
      const change = before && changeOf(before, figure)
      return change ? [change] : []
    })
    .toSorted((a, b) => Number(b.isWorse) - Number(a.isWorse) || b.factor - a.factor)
}

function changeOf(before: Figure, now: Figure): Change | undefined {
  const byRatio = before.ratio && now.ratio?.to === before.ratio.to && now.ratio.to !== now.name
  const [old, fresh] = byRatio
    ? [before.ratio?.value ?? 1, now.ratio?.value ?? 1]
    : [before.value, now.value]
  const factor = fresh / old
  const isNoise = Math.abs(factor - 1) <= NOISE || (!byRatio && overlap(before.spread, now.spread))
  if (isNoise || !Number.isFinite(factor)) return undefined

  const grew = factor > 1
  const isWorse = grew !== isBetterWhenMore(now)
  const text = byRatio
    ? `${old.toFixed(2)} × → ${fresh.toFixed(2)} × ${now.ratio?.to}`
    : `${format(old, before.unit)} → ${format(fresh, now.unit)}`
  return { name: now.name, title: now.title, factor: grew ? factor : 1 / factor, isWorse, text }
}

/** A budget says which way is better; else the unit does. */
const isBetterWhenMore = ({ budget, unit }: Figure): boolean =>
  budget ? 'atLeast' in budget : moreIsBetter.has(unit)

const overlap = (a: readonly [number, number], b: readonly [number, number]): boolean =>
  a[0] <= b[1] && b[0] <= a[1]
