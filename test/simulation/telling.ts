import type { Action, Story } from './story.ts'
import type { Odds } from './weather.ts'

/** Async payments of one wallet in one region, one after the other. */
export const payments = (from: number, count: number, firstAt: number): Action[] =>
  Array.from({ length: count }, (_, at) => payment(from + at, firstAt + 120 * at))

type Other = { payer?: number; offer?: number; edge?: number; request?: number }
type Patience = { tries?: number; repeats?: number }

export const payment = (
  id: number,
  at: number,
  { tries = 1, repeats = 0, ...other }: Other & Patience = {},
): Action => ({
  ...{ id, at, do: 'pay', payer: 0, offer: 0, request: id, edge: 0, ...other },
  manner: { settlement: 'async', tries, repeats, presents: 'with the others' },
})

export const allow = (
  at: number,
  limits: { payment: number; day: number; provider: number },
): Action => ({
  ...{ id: 200 + at, at, do: 'allow', payer: 0, ...limits },
})

export const fork = (id: number, at: number): Action => ({
  id,
  at,
  do: 'roll back',
  region: 0,
  steps: 0,
})

export const tell = (actions: Action[], odds: Odds = {}): Story => ({
  ...{ seed: '1', startsAt: Date.UTC(2026, 10, 29, 18), endsAt: 360_000 },
  ...{ odds, funds: '1500', actions },
})
