import { format } from './format.ts'
import { colours, dot, line, picture, polyline, text } from './svg.ts'

export type Series = { label: string; stroke: string; points: { x: number; y: number }[] }

const WIDTH = 760
const HEIGHT = 360
const PLOT = { left: 80, right: 580, top: 56, bottom: 310 }

/** Rates against a count that doubles from tick to tick; both axes tell orders of magnitude apart. */
export function lines(chart: { title: string; xLabel: string; series: Series[] }): string {
  const points = chart.series.flatMap((series) => series.points)
  const xs = [...new Set(points.map(({ x }) => x))].toSorted((a, b) => a - b)
  const ys = points.map(({ y }) => y)
  const [low, high] = [Math.min(...ys) * 0.8, Math.max(...ys) * 1.25]
  const xOf = (x: number) =>
    PLOT.left + (xs.indexOf(x) / Math.max(1, xs.length - 1)) * (PLOT.right - PLOT.left)
  const yOf = (y: number) =>
    PLOT.bottom - (Math.log(y / low) / Math.log(high / low)) * (PLOT.bottom - PLOT.top)

  const grid = [100, 300, 1000, 3000, 10_000, 30_000]
    .filter((y) => y > low && y < high)
    .flatMap((y) => [
      line([PLOT.left, yOf(y)], [PLOT.right, yOf(y)], { stroke: colours.faint }),
      text([PLOT.left - 8, yOf(y) + 4], format(y, '/s'), { anchor: 'end', size: 11 }),
    ])
  const axis = [
    ...xs.map((x) => text([xOf(x), PLOT.bottom + 20], String(x), { anchor: 'middle' })),
    text([(PLOT.left + PLOT.right) / 2, HEIGHT - 10], chart.xLabel, { anchor: 'middle' }),
  ]
  const drawn = chart.series.flatMap(({ stroke, points: own }) => {
    const places = own.map(({ x, y }) => [xOf(x), yOf(y)] as const)
    return [polyline(places, stroke), ...places.map((place) => dot(place, stroke))]
  })
  const labels = spread(
    chart.series.map(({ label, stroke, points: own }) => {
      return { label, stroke, y: yOf(own.at(-1)?.y ?? low) }
    }),
  ).map(({ label, stroke, y }) =>
    text([PLOT.right + 12, y + 4], label, { fill: stroke, bold: true }),
  )
  const size = { width: WIDTH, height: HEIGHT, title: chart.title }
  return picture(size, [...grid, ...axis, ...drawn, ...labels])
}

/** Moves labels apart that would cover each other, keeping their order. */
function spread<Label extends { y: number }>(labels: Label[]): Label[] {
  const placed: Label[] = []
  for (const label of labels.toSorted((a, b) => a.y - b.y)) {
    const above = placed.at(-1)
    placed.push({ ...label, y: above ? Math.max(label.y, above.y + 16) : label.y })
  }
  return placed
}
