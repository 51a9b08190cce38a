import type { Figure } from '../scenario.ts'
import { median, quantiles } from './stats.ts'

type About = Omit<Figure, 'value' | 'spread' | 'n' | 'quantiles'>

/** A figure of many single calls: their median, with the percentiles around it. */
export function ofCalls(about: About, samples: readonly number[]): Figure {
  const all = quantiles(samples)
  return {
    ...about,
    value: all.p50,
    spread: [all.p5, all.p95],
    n: samples.length,
    quantiles: all,
  }
}

/** A figure of rounds, each of many calls: the median round, with the lowest and the highest. */
export function ofRounds(about: About, rounds: readonly number[], n = rounds.length): Figure {
  return {
    ...about,
    value: median(rounds),
    spread: [Math.min(...rounds), Math.max(...rounds)],
    n,
  }
}

/** How many times the other's a contender's rounds are: the median of the pairs, round by round. */
export function ratioOf(mine: readonly number[], others: readonly number[]): number {
  return median(mine.map((value, round) => value / (others[round] ?? Number.NaN)))
}

/** Whether a figure keeps its budget; undefined when it has none. */
export function keepsBudget({ budget, value }: Pick<Figure, 'budget' | 'value'>) {
  if (!budget) return undefined
  return 'atMost' in budget ? value <= budget.atMost : value >= budget.atLeast
}
