import type { Quantiles } from '../measure/stats.ts'
import { format } from './format.ts'
import { colours, line, picture, rect, text } from './svg.ts'

export type Strip = { label: string; quantiles: Quantiles }

const WIDTH = 760
const ROW = 32
const LEFT = 250
const RIGHT = 90
const TOP = 60

/** Distributions of latencies: 5 to 95 of 100 as a line, the middle half as a box, the median in it. */
export function strips({ title, strips: all }: { title: string; strips: Strip[] }): string {
  const low = Math.min(...all.map(({ quantiles }) => quantiles.p5)) * 0.8
  const high = Math.max(...all.map(({ quantiles }) => quantiles.p95)) * 1.2
  const xOf = (ms: number) =>
    LEFT + (Math.log(ms / low) / Math.log(high / low)) * (WIDTH - LEFT - RIGHT)
  const height = TOP + all.length * ROW + 16
  const grid = ticks(low, high).flatMap((ms) => [
    line([xOf(ms), TOP - 8], [xOf(ms), height - 12], { stroke: colours.faint }),
    text([xOf(ms), TOP - 14], format(ms, 'ms'), { anchor: 'middle', size: 11 }),
  ])
  const rows = all.flatMap(({ label, quantiles: { p5, p25, p50, p75, p95 } }, row) => {
    const y = TOP + row * ROW + 10
    return [
      text([LEFT - 10, y + 4], label, { anchor: 'end' }),
      line([xOf(p5), y], [xOf(p95), y], { stroke: colours.ours2, width: 2 }),
      rect({ x: xOf(p25), y: y - 7, width: xOf(p75) - xOf(p25), height: 14 }, colours.ours2),
      line([xOf(p50), y - 9], [xOf(p50), y + 9], { stroke: colours.ours, width: 3 }),
      text([WIDTH - RIGHT + 10, y + 4], format(p50, 'ms'), { bold: true }),
    ]
  })
  return picture({ width: WIDTH, height, title }, [...grid, ...rows])
}

/** Round values between two others, few enough to read. */
function ticks(low: number, high: number): number[] {
  const powers = [-2, -1, 0, 1, 2, 3, 4].flatMap((power) => [10 ** power, 3 * 10 ** power])
  return powers.filter((value) => value > low && value < high)
}
