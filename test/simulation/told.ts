import type { Guard } from './guards.ts'
import type { Action, Story } from './story.ts'
import { allow, fork, payment, payments, tell } from './telling.ts'
import { TOLD_OF_TERMS } from './told-terms.ts'

/** A lease is promised four times over, and its wallet wants another. */
const flood: Story = {
  ...tell([
    ...payments(0, 1, 500),
    { id: 100, at: 2_000, do: 'remember', region: 0 },
    ...payments(1, 12, 2_100),
    fork(101, 4_000),
    ...payments(20, 12, 4_100),
    fork(102, 6_000),
    ...payments(40, 12, 6_100),
    fork(103, 8_000),
    ...payments(60, 12, 8_100),
    { id: 104, at: 20_000, do: 'present all' },
    ...payments(80, 3, 80_000),
  ]),
  seed: '3',
}

/** What a policy refuses, after its lease was made; asked of an edge that was not refused before. */
const refused = (limits: { payment: number; day: number; provider: number }) =>
  tell([
    allow(100, limits),
    payment(0, 500, { offer: 1 }),
    // Somebody else has the quote told.
    payment(10, 600, { offer: 0, payer: 1 }),
    payment(1, 2_000, { offer: 0 }),
    payment(2, 4_000, { offer: 0, edge: 2 }),
  ])

/** Again and again a lease that comes late, is left alone, and is asked when its minute is over. */
const late: Story = {
  ...tell(
    [0, 1, 2, 3, 4, 5].flatMap((round) => {
      const [id, at] = [100 * round, 500 + 300_000 * round]
      const each = (count: number, what: (turn: number) => Action) =>
        Array.from({ length: count }, (_, turn) => what(turn))
      return [
        payment(id, at),
        ...each(10, (turn) => payment(id + 1 + turn, at + 66_200 + 1_000 * turn)),
        // Somebody else keeps the quote fresh.
        ...each(15, (turn) => payment(id + 50 + turn, at + 50_000 + 2_000 * turn, { payer: 1 })),
      ]
    }),
    { 'redis: command delayed': 0.3 },
  ),
  ...{ endsAt: 1_800_000, funds: '40000' },
}

/** Worlds in which one guard alone stands between a fault and a broken promise. */
export const TOLD: { guard: Guard; breaks: RegExp; story: Story }[] = [
  ...TOLD_OF_TERMS,
  {
    guard: 'collateral',
    breaks: /^F2/,
    story: tell([
      ...payments(0, 1, 500),
      { id: 100, at: 2_000, do: 'remember', region: 0 },
      ...payments(1, 12, 2_100),
      fork(101, 4_000),
      allow(4_050, { payment: 2_000, day: 1, provider: -1 }),
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
    guard: 'a right is named by its moment',
    breaks: /^F1/,
    story: tell([
      ...payments(0, 1, 500),
      ...payments(1, 9, 2_100),
      { id: 100, at: 2_900, do: 'stop', payer: 0, ms: 60_000 },
      { id: 101, at: 3_300, do: 'reset', region: 0 },
      { id: 102, at: 3_350, do: 'prepare again', region: 0 },
      { id: 103, at: 3_360, do: 'install again', region: 0 },
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
      fork(102, 330_000),
    ]),
  },
  {
    guard: 'a decline is told after a look for a promise',
    breaks: /^O3.*declined/,
    story: tell([
      ...payments(0, 1, 500),
      payment(1, 2_000),
      { id: 101, at: 2_090, do: 'freeze', payer: 0, ms: 2_000 },
      payment(3, 2_120, { request: 1, edge: 1 }),
    ]),
  },
  {
    guard: 'a payment is not promised again when it is old',
    breaks: /^O1.*once more/,
    story: {
      ...tell([
        ...payments(0, 1, 500),
        payment(1, 2_000),
        ...payments(20, 1, 990_000),
        payment(3, 992_000, { request: 1 }),
        { id: 100, at: 993_000, do: 'present all' },
      ]),
      endsAt: 1_400_000,
    },
  },
  {
    guard: 'a decline binds nothing',
    breaks: /^(F2|V1)/,
    story: tell([
      payment(0, 500, { edge: 2 }),
      payment(1, 2_000, { edge: 2 }),
      { id: 100, at: 3_000, do: 'freeze', payer: 0, ms: 1_000 },
      payment(60, 3_200, { edge: 1, request: 50 }),
      payment(53, 5_000, { edge: 2, request: 50 }),
    ]),
  },
  {
    guard: 'the life of a lease is counted from its prepare',
    breaks: /^P4/,
    story: { ...late, seed: '3' },
  },
  {
    guard: 'a grant is known by its nonce',
    breaks: /^(M1|M4|M5)/,
    story: tell(payments(0, 6, 500), { 'database: call doubled': 1 }),
  },
  { guard: 'a lease pays no more than it holds', breaks: /^M2/, story: flood },
  { guard: 'a wallet pays no more beyond a lease than its limit', breaks: /^M5/, story: flood },
  { guard: 'an overdrawn wallet gets no lease', breaks: /^P4/, story: flood },
  {
    guard: 'what is paid beyond a lease is within the caps',
    breaks: /^P2/,
    story: {
      ...flood,
      actions: [...flood.actions, allow(6_050, { payment: 2_000, day: 1, provider: -1 })],
    },
  },
  {
    guard: 'a grant is within the caps',
    breaks: /^P2/,
    story: tell([allow(100, { payment: 2_000, day: 300, provider: -1 }), ...payments(0, 3, 500)]),
  },
  {
    guard: 'a promise is within the maximum of a payment',
    breaks: /^P1/,
    story: refused({ payment: 9, day: 100_000, provider: -1 }),
  },
  {
    guard: 'a promise goes to whom the policy allows',
    breaks: /^P3/,
    story: refused({ payment: 2_000, day: 100_000, provider: 1 }),
  },
]
