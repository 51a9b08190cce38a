import { describe, it } from 'vitest'
import { ablations, type Guard } from './simulation/guards.ts'
import { live } from './simulation/run.ts'
import { type Action, type Story, storyOf } from './simulation/story.ts'

/** What breaks without each guard, and among how many worlds from the first one given it does. */
const NEEDED: { guard: Guard; breaks: RegExp; from: bigint; within: number }[] = [
  { guard: 'a reservation is remembered', breaks: /^O3.*promised twice/, from: 1n, within: 10 },
  { guard: 'a conflict is honoured', breaks: /^(V1|F2)/, from: 1n, within: 10 },
  { guard: 'a proof ends when it was promised to end', breaks: /^(O3|F2)/, from: 1n, within: 10 },
  { guard: 'proof life and skew before reclaim', breaks: /^F2/, from: 1n, within: 10 },
  { guard: 'a payment is looked up before it is judged', breaks: /^O3/, from: 1n, within: 10 },
  { guard: 'once per payment id', breaks: /^(M|O)/, from: 1n, within: 10 },
  { guard: 'a record is removed after its outcome', breaks: /^V1/, from: 1n, within: 20 },
  {
    guard: 'unknown after a reservation that may have happened',
    breaks: /^O3.*declined/,
    from: 10n,
    within: 20,
  },
  { guard: 'install nonce and epoch compare', breaks: /^(P4|F1|F2)/, from: 30n, within: 15 },
  { guard: 'a decline binds nothing', breaks: /^(F2|V1)/, from: 20n, within: 20 },
]

/** Async payments of one wallet in one region, one after the other. */
const payments = (from: number, count: number, firstAt: number): Action[] =>
  Array.from({ length: count }, (_, at) => ({
    ...{ id: from + at, at: firstAt + 120 * at, do: 'pay', payer: 0, offer: 0 },
    ...{ request: from + at, edge: 0 },
    manner: { settlement: 'async', tries: 1, repeats: 0, presents: 'with the others' },
  }))

const tell = (actions: Action[]): Story => ({
  ...{ seed: '1', startsAt: Date.UTC(2026, 10, 29, 18), endsAt: 360_000, isFair: true },
  actions,
})

/** Worlds in which one guard alone stands between a fault and a broken promise. */
const TOLD: { guard: Guard; breaks: RegExp; story: Story }[] = [
  {
    guard: 'collateral',
    breaks: /^F2/,
    story: tell([
      ...payments(0, 1, 500),
      { id: 100, at: 2_000, do: 'remember', region: 0 },
      ...payments(1, 12, 2_100),
      { id: 101, at: 4_000, do: 'roll back', region: 0, steps: 0 },
      { id: 102, at: 4_050, do: 'allow', payer: 0, payment: 2_000, day: 1, provider: -1 },
      ...payments(20, 12, 4_100),
      { id: 103, at: 20_000, do: 'present all' },
    ]),
  },
  {
    guard: 'reclaim waits for the watermark',
    breaks: /^V1/,
    story: tell([
      ...payments(0, 1, 500),
      ...payments(1, 6, 2_100),
      { id: 100, at: 2_950, do: 'outage', of: 'redis', ms: 300_000, region: 0 },
    ]),
  },
  {
    guard: 'single-use install nonce',
    breaks: /^F1/,
    story: tell([
      ...payments(0, 1, 500),
      ...payments(1, 9, 2_100),
      { id: 100, at: 2_900, do: 'stop', payer: 0, ms: 60_000 },
      { id: 101, at: 3_300, do: 'reset', region: 0 },
      { id: 102, at: 3_350, do: 'install again', region: 0 },
      ...payments(20, 20, 9_000),
    ]),
  },
  {
    guard: 'reclaimed is the fence',
    breaks: /^(F5|M)/,
    story: tell([
      ...payments(0, 1, 500),
      ...payments(1, 6, 2_050),
      { id: 100, at: 2_900, do: 'remember', region: 0 },
      { id: 101, at: 2_910, do: 'reset', region: 0 },
      { id: 102, at: 330_000, do: 'roll back', region: 0, steps: 0 },
    ]),
  },
]

describe('the simulation without', () => {
  it.for(NEEDED)('"$guard" fails', { timeout: 300_000 }, async (needed, { expect }) => {
    const { guard, breaks, from, within } = needed
    const violations: string[] = []
    for (let at = 0; at < within && violations.length === 0; at++) {
      const { violations: found } = await live(storyOf(from + BigInt(at)), ablations[guard])
      violations.push(...found)
    }

    expect(violations[0]).toMatch(breaks)
  })

  it.for(TOLD)(
    '"$guard" fails in a world made for it, and with it holds',
    async (told, { expect }) => {
      const { guard, breaks, story } = told

      expect((await live(story)).violations).toEqual([])
      expect((await live(story, ablations[guard])).violations[0]).toMatch(breaks)
    },
  )
})
