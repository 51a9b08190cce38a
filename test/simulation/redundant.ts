import type { Ablation } from './ablation.ts'
import { ablations, type Guard } from './guards.ts'
import type { Action, Story } from './story.ts'
import { allow, payment, payments, tell } from './telling.ts'

/** A lease has run out, and the request that installed it is delivered once more. */
const installedAgain = tell([
  ...payments(0, 1, 500),
  payment(1, 2_000),
  { id: 100, at: 66_000, do: 'install again', region: 0 },
  ...payments(20, 3, 66_100),
])

/** Leases are asked for in the last second of a policy day. */
const atMidnight: Story = {
  ...tell(Array.from({ length: 60 }, (_, at) => payment(at, 500 + 200 * at))),
  ...{ startsAt: Date.UTC(2026, 10, 30) - 10_000, funds: '40000', seed: '6' },
}

/** A grant is delivered once more, when its lease was ended. */
const endedMeanwhile = tell(
  [
    ...payments(0, 3, 500),
    { id: 100, at: 2_000, do: 'revoke', payer: 0, ms: 0 },
    ...payments(20, 12, 5_100),
  ],
  { 'database: call doubled': 1 },
)

/** Two edges ask for the first lease of a wallet at one moment. */
const together = tell([
  payment(0, 500),
  payment(1, 505, { edge: 2 }),
  payment(2, 510),
  payment(3, 515, { edge: 2 }),
  ...payments(20, 6, 2_000),
])

/** Payments of two endpoints, asked of both edges near one region. */
const everywhere = (from: number, count: number, firstAt: number): Action[] =>
  Array.from({ length: count }, (_, at) => {
    const other = { offer: at % 2 === 0 ? 0 : 3, edge: at % 4 < 2 ? 0 : 2 }
    return payment(from + at, firstAt + 150 * at, other)
  })

/** Redis promises and is not heard, when the policy does not allow it any more. */
const unheard = tell(
  [
    ...everywhere(0, 4, 500),
    allow(2_500, { payment: 5, day: 100_000, provider: -1 }),
    ...everywhere(30, 4, 2_600),
  ],
  { 'redis: answer lost': 0.3 },
)

type Redundant = {
  guard: Guard
  /** What else keeps what it keeps, and why it is there all the same. */
  because: string
  story: Story
  /** What shows in that story that the guard acted. */
  met: string
  /** What there is more of without it, and nothing else. */
  more?: string
  /** What breaks without it and without what holds for it; absent: no promise rests on it at all. */
  both?: { without: Ablation; breaks: RegExp }
}

const both = (...guards: [Guard, Guard]): Ablation => {
  const [one, other] = guards.map((guard) => ablations[guard].script)
  return { script: (text) => other?.(one?.(text) ?? text) ?? text }
}

/** Guards that nothing breaks without, since another holds: a second line, or an economy. */
export const REDUNDANT: Redundant[] = [
  {
    guard: 'epoch compare',
    because:
      'The right of a lease is used once, so an old lease is refused before epochs are compared.',
    story: installedAgain,
    met: 'a promise',
    both: { without: ablations['install nonce and epoch compare'], breaks: /^P4/ },
  },
  {
    guard: 'a lease that would be over is not installed',
    because: 'A key that is to expire in the past is gone at once.',
    story: atMidnight,
    met: 'install refused: too_late',
    both: {
      without: both('a lease that would be over is not installed', 'a lease ends with its minute'),
      breaks: /^P2/,
    },
  },
  {
    guard: 'a grant that ended is not told again',
    because: 'Its right still ends with its minute, and a revoked lease may live as long.',
    story: endedMeanwhile,
    met: 'a lease refused lease_ended',
  },
  {
    guard: 'unknown after a reservation that may have happened',
    because: 'A decline is told after a look for the promise, which finds it.',
    story: { ...unheard, seed: '2' },
    met: 'a promise',
    both: {
      without: {
        ...ablations['unknown after a reservation that may have happened'],
        ...ablations['a decline is told after a look for a promise'],
      },
      breaks: /^O3.*declined/,
    },
  },
  {
    guard: 'one lease in the making',
    because:
      'The ledger has one open lease for each, the last. Two would lock up twice the escrow.',
    story: together,
    met: 'a promise',
    more: 'a lease granted',
  },
]
