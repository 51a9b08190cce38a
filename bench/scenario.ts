import type { Bundle } from '../local/bundle.ts'
import type { Quantiles } from './measure/stats.ts'
import type { Databases } from './world/databases.ts'

export type Unit =
  | 'ms'
  | 'µs'
  | '/s'
  | '×'
  | 'KB'
  | 'MB'
  | 'bytes'
  | 'trips'
  | 'commands'
  | 'messages'
  | 'USD'
  | '%'

/** One measured number, with all that is needed to believe it or to repeat it. */
export type Figure = {
  /** `scenario/what`; the same from run to run, so that two runs can be compared. */
  name: string
  title: string
  value: number
  unit: Unit
  /** Lowest and highest round, or the 5th and the 95th percentile of single calls. */
  spread: [number, number]
  n: number
  method: string
  /** What every single outcome was held against. */
  asserted: string
  budget?: { atMost: number } | { atLeast: number }
  /** The same quantity of another contender of the same rounds, and how many times it this is. */
  ratio?: { to: string; value: number }
  quantiles?: Quantiles
}

export type Size = 'quick' | 'full' | 'large'

/** What a scenario is given. */
export type Bench = {
  size: Size
  /** The first in a quick run, the second otherwise. */
  pick: <Value>(quick: Value, full: Value) => Value
  databases: Databases
  bundles: Record<'payos' | 'reference' | 'hello' | 'oneCall' | 'signatures', Bundle>
  /** Says how far a scenario is. */
  progress: (done: number, all: number, what?: string) => void
  /** Figures of the scenarios that ran before. */
  figures: readonly Figure[]
}

/** Measures something and asserts every outcome of what it measured: it throws on a wrong one. */
export type Scenario = {
  name: string
  title: string
  run: (bench: Bench) => Promise<Figure[]>
}
