import type { Figure } from '../scenario.ts'
import { bars } from './bars.ts'
import { lines, type Series } from './lines.ts'
import { type Strip, strips } from './strips.ts'
import { colours } from './svg.ts'

/** A chart as a file beside the page, with what it shows in words. */
export type Chart = { file: string; alt: string; svg: string }

/** The charts for which there are figures. */
export function charts(figures: readonly Figure[]): Chart[] {
  return [staircase, latency, throughput, throughputAsync, growth, cost].flatMap(
    (draw) => draw(figures) ?? [],
  )
}

type Draw = (figures: readonly Figure[]) => Chart | undefined

const named = (figures: readonly Figure[], prefix: string) =>
  figures.filter(({ name }) => name.startsWith(prefix))

const staircase: Draw = (figures) => {
  const steps = [...named(figures, 'call/stage-'), ...named(figures, 'call/payos')].filter(
    ({ name }) => !/-(region|far)$/.test(name),
  )
  if (steps.length < 2) return undefined
  const svg = bars({
    title: 'A whole paid call: the replaced flow, stage by stage, and PayOS',
    unit: 'ms',
    bars: steps.map(({ name, title, value }) => ({
      label: shortened(title),
      value,
      fill: name.startsWith('call/payos') ? colours.ours : colours.other,
    })),
    mark: { value: 175, label: 'budget of sync settlement: 175 ms' },
  })
  return { file: 'staircase.svg', alt: 'How long a whole paid call takes', svg }
}

const latency: Draw = (figures) => {
  const paths = named(figures, 'pay/').flatMap(({ title, quantiles }): Strip[] =>
    quantiles ? [{ label: title, quantiles }] : [],
  )
  if (paths.length === 0) return undefined
  const svg = strips({ title: 'POST /pay on one machine, by what it comes to', strips: paths })
  return { file: 'latency.svg', alt: 'Distributions of the latency of POST /pay', svg }
}

const throughput: Draw = (figures) => {
  const series = seriesOf(figures, [
    { prefix: 'throughput/hello-c', label: 'hello-world Worker', stroke: colours.other },
    { prefix: 'throughput/sql-c', label: 'ledger alone', stroke: colours.limit },
    { prefix: 'throughput/edge-1-c', label: 'PayOS, 1 edge', stroke: colours.ours },
    { prefix: 'throughput/edge-3-c', label: 'PayOS, 3 edges', stroke: colours.ours2 },
    { prefix: 'throughput/edge-6-c', label: 'PayOS, 6 edges', stroke: colours.ours3 },
  ])
  if (series.length === 0) return undefined
  const title = 'Payments a second, all on one machine'
  const svg = lines({ title, xLabel: 'clients', series })
  return { file: 'throughput.svg', alt: 'Payments a second against clients', svg }
}

const throughputAsync: Draw = (figures) => {
  const promised = named(figures, 'throughput/async-1-c').map(({ name }) => name.split('-c')[1])
  const shown = figures.filter(({ name }) => promised.includes(name.split('-c')[1]))
  const series = seriesOf(shown, [
    { prefix: 'throughput/edge-1-c', label: 'sync, 1 edge', stroke: colours.other },
    { prefix: 'throughput/edge-6-c', label: 'sync, 6 edges', stroke: colours.other2 },
    { prefix: 'throughput/async-1-c', label: 'async, 1 edge', stroke: colours.ours },
    { prefix: 'throughput/async-3-c', label: 'async, 3 edges', stroke: colours.ours2 },
    { prefix: 'throughput/async-6-c', label: 'async, 6 edges', stroke: colours.ours3 },
  ])
  if (series.length === 0) return undefined
  const title = 'Payments a second, sync beside async, the drain at work'
  const svg = lines({ title, xLabel: 'clients', series })
  return { file: 'throughput-async.svg', alt: 'Sync beside async payments a second', svg }
}

/** One line for each family of figures whose names end in their number of clients. */
const seriesOf = (
  figures: readonly Figure[],
  families: readonly { prefix: string; label: string; stroke: string }[],
): Series[] =>
  families.flatMap(({ prefix, label, stroke }) => {
    const points = named(figures, prefix).map(({ name, value }) => {
      return { x: Number(name.slice(prefix.length)), y: value }
    })
    return points.length > 0 ? [{ label, stroke, points }] : []
  })

const growth: Draw = (figures) => {
  const rates = named(figures, 'growth/stored-')
  if (rates.length === 0) return undefined
  const svg = bars({
    title: 'The ledger with many payments stored, 16 clients',
    unit: '/s',
    bars: rates.map(({ title, value }) => ({ label: title, value, fill: colours.ours })),
  })
  return { file: 'growth.svg', alt: 'Payments a second against payments stored', svg }
}

const cost: Draw = (figures) => {
  const ways = { '': 'sync', 'async-': 'async', 'sparse-': 'async, one now and then' }
  const ours = Object.entries(ways).flatMap(([prefix, way]) => {
    const sum = figures.find(({ name }) => name === `cost/${prefix}million`)
    return sum ? [{ label: `PayOS, ${way}`, value: sum.value, fill: colours.ours }] : []
  })
  if (ours.length === 0) return undefined
  const others = named(figures, 'cost/other-').toSorted((a, b) => a.value - b.value)
  const svg = bars({
    title: 'A million payments of 0.001 USD, at list prices',
    unit: 'USD',
    isLogarithmic: true,
    bars: [
      ...ours,
      ...others.map(({ title, value }) => ({
        label: title.split(',')[0] ?? title,
        value,
        fill: colours.other,
      })),
    ],
  })
  return { file: 'cost.svg', alt: 'What a million payments cost', svg }
}

/** What follows the colon of a title, which is long enough for a label. */
const shortened = (title: string): string => {
  const [head = '', tail] = title.split(': ')
  return (tail ?? head).slice(0, 46)
}
