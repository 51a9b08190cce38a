import type { Figure } from '../scenario.ts'
import { format } from './format.ts'
import { colours, line, picture, rect, text } from './svg.ts'

export type Bar = { label: string; value: number; fill: string }

type Bars = {
  title: string
  bars: readonly Bar[]
  unit: Figure['unit']
  /** Tells small values apart from large ones; for values that span orders of magnitude. */
  isLogarithmic?: boolean
  /** A line across: a budget. */
  mark?: { value: number; label: string }
}

const WIDTH = 760
const ROW = 30
const LEFT = 290
const RIGHT = 110
const TOP = 48

/** Lying bars, each with its label before and its value behind it. */
export function bars({ title, bars: all, unit, isLogarithmic = false, mark }: Bars): string {
  const largest = Math.max(...all.map(({ value }) => value), mark?.value ?? 0)
  const smallest = Math.min(...all.map(({ value }) => value))
  const share = isLogarithmic
    ? (value: number) => Math.log(value / (smallest / 2)) / Math.log(largest / (smallest / 2))
    : (value: number) => value / largest
  const span = WIDTH - LEFT - RIGHT
  const height = TOP + all.length * ROW + (mark ? 30 : 14)
  const rows = all.flatMap(({ label, value, fill }, row) => {
    const y = TOP + row * ROW
    const width = Math.max(2, share(value) * span)
    return [
      text([LEFT - 10, y + 15], label, { anchor: 'end' }),
      rect({ x: LEFT, y: y + 2, width, height: ROW - 10 }, fill),
      text([LEFT + width + 8, y + 15], format(value, unit), { bold: true }),
    ]
  })
  const note = isLogarithmic ? [text([WIDTH - 16, 26], 'logarithmic', { anchor: 'end' })] : []
  const marks = mark ? markOf(LEFT + share(mark.value) * span, { ...mark, height }) : []
  return picture({ width: WIDTH, height, title }, [...rows, ...note, ...marks])
}

const markOf = (x: number, { label, height }: { label: string; height: number }) => [
  line([x, TOP - 4], [x, height - 22], { stroke: colours.limit, dashed: true }),
  text([x, height - 8], label, { anchor: 'middle', fill: colours.limit, size: 11 }),
]
