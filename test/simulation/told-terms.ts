import type { Guard } from './guards.ts'
import type { Story } from './story.ts'
import { payment, payments, tell } from './telling.ts'

/** One payment each so often, of an endpoint that stays as it is: its wallet always has a lease. */
const meanwhile = (from: number, firstAt: number, count: number) =>
  Array.from({ length: count }, (_, at) => payment(from + at, firstAt + 3_000 * at, { offer: 3 }))

const PAUSED = { do: 'pause', offer: 0, ms: 300_000 } as const

const often = (from: number, firstAt: number, count: number) =>
  Array.from({ length: count }, (_, at) => payment(from + at, firstAt + 3_000 * at))

/** An endpoint takes no payments any more, and is asked for them all the time. */
const paused: Story = {
  ...tell([{ id: 100, at: 2_000, ...PAUSED }, ...often(0, 500, 32)]),
  funds: '40000',
}

/** It is asked for one when no quote of before may count. */
const pausedBefore: Story = {
  ...tell(
    [
      payment(0, 500),
      payment(1, 1_500),
      { id: 100, at: 2_000, ...PAUSED },
      ...meanwhile(200, 60_000, 6),
      ...often(20, 70_000, 8),
    ],
    { 'redis: command doubled': 1 },
  ),
  funds: '40000',
}

/** A promise whose record is lost is asked for again, when its wallet may not pay. */
const forgotten = tell([
  ...payments(0, 1, 500),
  payment(1, 2_000),
  { id: 100, at: 2_080, do: 'evict', region: 0, what: 'payment' },
  { id: 101, at: 2_090, do: 'freeze', payer: 0, ms: 2_000 },
  payment(3, 2_120, { request: 1 }),
])

/** Records that gather until the clock comes, since no wake arrives; one of them is poison. */
const gathered = tell(
  [
    ...payments(0, 1, 500),
    ...Array.from({ length: 30 }, (_, at) => payment(10 + at, 2_000 + 150 * at)),
    { id: 101, at: 4_000, do: 'poison', region: 0, payer: 0 },
  ],
  { 'qstash: message dropped': 1 },
)

/** The last promise of a lease, while its shard is said to be drained; then Redis stays away. */
const overlooked = tell(
  [
    ...payments(0, 1, 500),
    { id: 101, at: 50_000, do: 'stop', payer: 0, ms: 300_000 },
    // Somebody else keeps the quote fresh.
    payment(50, 30_000, { payer: 1 }),
    payment(51, 45_000, { payer: 1 }),
    payment(1, 57_900),
    payment(2, 60_240, { edge: 2 }),
    { id: 100, at: 60_400, do: 'outage', of: 'redis', ms: 300_000, region: 0 },
  ],
  { 'database: call delayed': 0.4 },
)

/** Worlds in which an edge or a script must not rely on what it was told before. */
export const TOLD_OF_TERMS: { guard: Guard; breaks: RegExp; story: Story }[] = [
  { guard: 'a promise is for an endpoint that takes payments', breaks: /^P4/, story: paused },
  {
    guard: 'a quote is promised by while it is fresh',
    breaks: /^P4.*takes no payments/,
    story: pausedBefore,
  },
  {
    guard: 'unknown after a reservation whose record is lost',
    breaks: /^O3.*declined/,
    story: forgotten,
  },
  {
    guard: 'a promise whose record is lost is not made anew',
    breaks: /^O3.*promised twice/,
    story: tell([
      ...payments(0, 1, 500),
      payment(1, 2_000),
      { id: 100, at: 2_080, do: 'evict', region: 0, what: 'payment' },
      payment(3, 2_120, { request: 1 }),
    ]),
  },
  {
    guard: 'a proof that is over is no answer',
    breaks: /^F2.*handed out/,
    story: tell([...payments(0, 1, 500), payment(1, 2_000), payment(3, 200_000, { request: 1 })]),
  },
  {
    guard: 'the watermark is from before the stream was read',
    breaks: /^V1/,
    story: { ...overlooked, seed: '73' },
  },
  {
    guard: 'a batch that raises is halved, not taken apart',
    breaks: /^V4/,
    story: gathered,
  },
]
