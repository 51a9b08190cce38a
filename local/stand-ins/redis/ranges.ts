import { needDouble } from './numbers.ts'
import type { Bytes } from './reply.ts'

export type Scored = [member: Bytes, score: number]

export type ScoreRange = { min: number; max: number; minOpen: boolean; maxOpen: boolean }

/** Reads two interval ends; a leading `(` leaves the end itself out. */
export function readRange(min: Bytes, max: Bytes): ScoreRange {
  const end = (text: Bytes) =>
    needDouble(text.startsWith('(') ? text.slice(1) : text, 'ERR min or max is not a float')
  return {
    min: end(min),
    max: end(max),
    minOpen: min.startsWith('('),
    maxOpen: max.startsWith('('),
  }
}

/** Members in order of score, then of bytes. */
function inOrder(set: Map<Bytes, number>): Scored[] {
  return [...set].sort(([a, x], [b, y]) => x - y || (a < b ? -1 : 1))
}

/** The members whose score lies in the range, lowest first. */
export function byScore(set: Map<Bytes, number> | undefined, range: ScoreRange): Scored[] {
  if (!set) return []
  const within = ([, score]: Scored) =>
    (range.minOpen ? score > range.min : score >= range.min) &&
    (range.maxOpen ? score < range.max : score <= range.max)
  return inOrder(new Map([...set].filter(within)))
}

/** The members from one rank to another, both included, counted from either end. */
export function byRank(
  set: Map<Bytes, number> | undefined,
  [first, last]: [number, number],
  reverse: boolean,
): Scored[] {
  if (!set) return []
  const ordered = inOrder(set)
  if (reverse) ordered.reverse()
  return ordered.slice(...span(ordered.length, first, last))
}

/** Inclusive indexes, negative ones counted from the end, as a half-open span. */
export function span(length: number, first: number, last: number): [number, number] {
  const start = Math.max(0, first < 0 ? length + first : first)
  const end = (last < 0 ? length + last : last) + 1
  return [start, Math.max(start, Math.min(length, end))]
}
