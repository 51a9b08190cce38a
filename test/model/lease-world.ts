import fc from 'fast-check'
import type { Limits, Opening } from './cast.ts'
import { type Command, pay, upTo } from './commands.ts'

/** How a record differs from an honest one. */
export type Twist =
  | 'none'
  | 'repeated'
  | 'other amount'
  | 'other content'
  | 'same number'
  | 'too much'
  | 'stranger'
  | 'other currency'
  | 'other provider'
  | 'unknown lease'
  | 'unknown endpoint'
  | 'malformed'

export type Told = {
  /** The latest lease, the one before, and so on. */
  lease: number
  request: number
  amount: number
  twist: Twist
  /** What is malformed, or which record is repeated. */
  which: number
  named: boolean
}

/** What happens to leases, beside what happens to a ledger anyway. */
export type LeaseCommand =
  | { do: 'lend'; wallet: number; region: number; nonce: number; wanted: number; needed: number }
  | { do: 'settle'; records: Told[]; overdrawn: boolean }
  | { do: 'settle what failed' }
  | { do: 'drained'; region: number; all: boolean; ago: number | null }
  | { do: 'reclaim'; most: number }
  | { do: 'let'; wallet: number; settlement: string }
  | { do: 'end'; wallet: number }
  | { do: 'stop'; wallet: number; on: boolean }

export type LeaseWorldCommand = Command | LeaseCommand

const told: fc.Arbitrary<Told> = fc.record({
  lease: fc.constantFrom(0, 0, 0, 0, 1, 1, 2, 5),
  request: upTo(30),
  amount: fc.constantFrom(1, 2, 3, 5, 10, 20, 40),
  twist: fc.oneof(
    { weight: 14, arbitrary: fc.constant<Twist>('none') },
    { weight: 3, arbitrary: fc.constant<Twist>('repeated') },
    {
      weight: 4,
      arbitrary: fc.constantFrom<Twist[]>(
        ...(['other amount', 'other content', 'same number', 'too much', 'stranger'] as const),
        ...(['other currency', 'other provider', 'unknown lease', 'unknown endpoint'] as const),
        ...(['malformed', 'malformed'] as const),
      ),
    },
  ),
  which: upTo(11),
  named: fc.boolean(),
})

const seconds = (...counts: number[]) => fc.constantFrom(...counts.map((count) => count * 1000))
const wallet = fc.constantFrom(0, 0, 0, 0, 1, 2, 2, 3, 4)

const kinds = {
  lend: fc.record({
    wallet,
    region: fc.constantFrom(0, 0, 0, 1),
    nonce: upTo(20),
    wanted: fc.constantFrom(10, 30, 50, 100, 1000),
    needed: fc.constantFrom(1, 1, 10, 60),
  }),
  settle: fc.record({
    records: fc.array(told, { minLength: 1, maxLength: 12 }),
    overdrawn: fc.constantFrom(false, false, false, true),
  }),
  'settle what failed': fc.record({}),
  drained: fc.record({
    region: fc.constantFrom(0, 0, 1),
    all: fc.constantFrom(true, true, false),
    ago: fc.constantFrom(0, 0, 0, 1, 149, 150, 3_600, -60, null),
  }),
  reclaim: fc.record({ most: fc.constantFrom(1, 100, 100, 100) }),
  let: fc.record({ wallet, settlement: fc.constantFrom('sync', 'async', 'async', 'auto', 'auto') }),
  end: fc.record({ wallet }),
  stop: fc.record({ wallet: fc.constantFrom(0, 0, 1, 4), on: fc.boolean() }),
  pay,
  wait: fc.record({ ms: seconds(0.001, 1, 15, 30, 60, 149, 150, 209.999, 210, 3_600, -60) }),
  'wait until': fc.record({
    border: fc.constantFrom('day' as const, 'day' as const, 'month' as const),
    ms: seconds(-30, -1, 0, 0.001),
  }),
  allow: fc.record({ wallet: upTo(3), limits: limits() }),
  deposit: fc.record({
    wallet: upTo(3),
    amount: fc.constantFrom('1', '50', '500'),
    transfer: upTo(3),
  }),
  'pay out': fc.record({
    provider: upTo(1),
    currency: fc.constantFrom('USDC', 'USDC', 'EURC'),
    amount: fc.constantFrom('all', '5'),
    transfer: upTo(3),
  }),
  'roll up': fc.record({ most: fc.constantFrom(1, 3, 10_000) }),
  set: fc.record({
    what: fc.constantFrom('agent' as const, 'wallet' as const, 'provider' as const),
    index: upTo(1),
    on: fc.constantFrom(true, true, false),
  }),
  revoke: fc.record({ kind: fc.constant('agent'), index: fc.constantFrom(1, 2, 2) }),
  expire: fc.record({
    kind: fc.constant('agent' as const),
    index: upTo(1),
    ms: seconds(30, 3_600),
  }),
  'sign up': fc.record({ agent: upTo(1), signer: upTo(1), revoked: fc.boolean() }),
} satisfies {
  [Kind in LeaseWorldCommand['do']]?: fc.Arbitrary<
    Omit<Extract<LeaseWorldCommand, { do: Kind }>, 'do'>
  >
}

const weights: { [Kind in keyof typeof kinds]: number } = {
  ...{ lend: 16, settle: 30, 'settle what failed': 12, drained: 10, reclaim: 10, let: 1, end: 2 },
  ...{ stop: 2, pay: 12, wait: 14, 'wait until': 1, allow: 3, deposit: 5, 'pay out': 2 },
  ...{ 'roll up': 3, set: 2, revoke: 1, expire: 1, 'sign up': 1 },
}

const command: fc.Arbitrary<LeaseWorldCommand> = fc.oneof(
  ...Object.entries(kinds).map(([kind, details]) => ({
    weight: weights[kind as keyof typeof kinds],
    arbitrary: (details as fc.Arbitrary<object>).map(
      (it) => ({ do: kind, ...it }) as LeaseWorldCommand,
    ),
  })),
)

function limits(): fc.Arbitrary<Limits> {
  return fc.record({
    payment: fc.constant('1000000'),
    day: fc.constantFrom('1000000', '1000000', '3000', '600'),
    month: fc.constantFrom('1000000', '1000000', '1500', '700'),
    providers: fc.constantFrom(null, null, [0]),
  })
}

const opening: fc.Arbitrary<Opening> = fc.record({
  deposits: fc.tuple(
    fc.constantFrom('1000', '600', '20'),
    fc.constantFrom('1000', '100', '20'),
    fc.constantFrom('1000', '300'),
    fc.constantFrom('1000', '0'),
  ),
  limits: fc.tuple(limits(), limits(), limits(), fc.option(limits())),
})

export type LeaseWorld = {
  start: string
  timeZone: string
  opening: Opening
  commands: LeaseWorldCommand[]
}

/** A world whose wallets may be lent from: how it begins, and what then happens. */
export const leaseWorld: fc.Arbitrary<LeaseWorld> = fc.record({
  start: fc.constantFrom(
    '2026-11-20T12:00:00.000Z',
    '2026-11-30T23:57:30.500Z',
    '2028-02-28T23:59:59.999Z',
  ),
  timeZone: fc.constantFrom('UTC', 'America/Los_Angeles', 'Pacific/Kiritimati'),
  opening,
  commands: fc
    .array(command, { minLength: 10, maxLength: 60, size: 'max' })
    .map((rest): LeaseWorldCommand[] => [
      ...[0, 1, 2].map((index) => ({ do: 'let' as const, wallet: index, settlement: 'async' })),
      ...rest,
    ]),
})

const anything: Limits = { payment: '1000000', day: '1000000', month: '1000000', providers: null }
const forty = (request: number): Told => ({
  ...{ lease: 0, request, amount: 40, twist: 'none', which: 0, named: true },
})

/** What chance seldom tells: a proof beyond its lease, which the owner's day covers only later. */
export const lateOwner: LeaseWorld = {
  start: '2026-11-20T12:00:00.000Z',
  timeZone: 'UTC',
  opening: {
    deposits: ['1000', '1000', '1000', '1000'],
    limits: [anything, anything, anything, anything],
  },
  commands: [
    { do: 'let', wallet: 0, settlement: 'async' },
    { do: 'lend', wallet: 0, region: 0, nonce: 0, wanted: 1000, needed: 1 },
    { do: 'settle', records: [0, 1, 2, 3, 4, 5].map(forty), overdrawn: false },
    { do: 'allow', wallet: 0, limits: { ...anything, day: '1' } },
    { do: 'settle what failed' },
    { do: 'allow', wallet: 0, limits: anything },
    { do: 'settle what failed' },
  ],
}
