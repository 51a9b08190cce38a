import fc from 'fast-check'
import type { Limits, Opening } from './cast.ts'
import {
  type Command,
  capture,
  type KeyUse,
  type Naming,
  pay,
  refund,
  upTo,
  verify,
} from './commands.ts'

const second = 1000
const endless = '9007199254740991'

const limits: fc.Arbitrary<Limits> = fc.record({
  payment: fc.constantFrom(...Array(8).fill(endless), '4', '9', '10'),
  day: fc.constantFrom(...Array(4).fill(endless), '15', '29', '45'),
  month: fc.constantFrom(...Array(4).fill(endless), '25', '44', '60'),
  providers: fc.constantFrom(...Array(9).fill(null), [0], [0, 1], []),
})

/** Around every border there is: a minute of grace, three of memory, fifteen to redeem, a hold. */
const waits = [
  ...[1, 1, second, 30 * second, 59_999, 60_000, 60_000, 180_000],
  ...[839_999, 840_000, 899_999, 900_000, 900_000, 3_600_000, 86_400_000],
]

const kinds = {
  pay,
  verify,
  ask: fc.record({
    by: fc.constantFrom('agent' as const, 'provider' as const),
    who: upTo(1),
    payment: upTo(6),
    named: fc.constantFrom<Naming[]>('id', 'request', 'both', 'wrongly'),
    key: fc.constantFrom<KeyUse[]>('right', 'right', 'right', 'right', 'wrong', 'unknown', 'none'),
  }),
  capture,
  refund,
  'expire holds': fc.record({ most: fc.constantFrom(0, 1, 2, 1_000, 1_000) }),
  'set terms': fc.record({
    endpoint: fc.constantFrom(0, 0, 0, 1, 2, 3, 4, 5),
    seconds: fc.constantFrom(null, 60, 60, 180, 900, 86_400, 604_800, 59, 604_801),
    listed: fc.constantFrom(null, true, true, false),
  }),
  list: fc.record({ most: fc.constantFrom(1, 2, 100), skip: fc.constantFrom(0, 0, 1) }),
  reconsider: fc.record({ payment: upTo(4), ms: fc.constantFrom(59_999, 60_000) }),
  wait: fc.record({ ms: fc.constantFrom(...waits, -3_600_000) }),
  'wait until': fc.record({
    border: fc.constantFrom('day' as const, 'day' as const, 'month' as const),
    ms: fc.constantFrom(-1, 0, 1),
  }),
  reprice: fc.record({
    endpoint: fc.constantFrom(0, 0, 0, 1, 3),
    price: fc.constantFrom('10', '9', '11', '5', '0'),
    since: fc.constantFrom(-1, 0, 1, 30 * second, 59_999, 60_000, 179_999, 180_000),
  }),
  announce: fc.record({
    endpoint: fc.constantFrom(0, 0, 0, 0, 1, 3, 4, 5),
    price: fc.constantFrom('10', '9', '11', '5', '0'),
    notice: fc.constantFrom(180_000, 180_000, 180_000, 180_001, 240_000, 179_999),
  }),
  allow: fc.record({ wallet: fc.constantFrom(0, 0, 1, 2, 3), limits }),
  deposit: fc.record({
    wallet: upTo(4),
    amount: fc.constantFrom('1', '5', '10', '100', '0', '9007199254740991'),
    transfer: upTo(3),
  }),
  'pay out': fc.record({
    provider: upTo(1),
    currency: fc.constantFrom('USDC', 'USDC', 'EURC'),
    amount: fc.constantFrom('all', '1', '5', 'more', '0'),
    transfer: upTo(3),
  }),
  'roll up': fc.record({ most: fc.constantFrom(0, 1, 2, 10_000) }),
  set: fc.record({
    what: fc.constantFrom<('agent' | 'wallet' | 'provider' | 'endpoint')[]>(
      ...(['agent', 'wallet', 'provider', 'endpoint'] as const),
    ),
    index: fc.constantFrom(0, 0, 0, 1),
    on: fc.constantFrom(true, true, true, false),
  }),
  revoke: fc.record({
    kind: fc.constantFrom('agent', 'agent', 'agent', 'provider', 'owner'),
    index: fc.constantFrom(2, 2, 2, 3, 3, 1, 0),
  }),
  expire: fc.record({
    kind: fc.constantFrom('agent' as const, 'agent' as const, 'provider' as const),
    index: upTo(1),
    ms: fc.constantFrom(null, null, 60_000, 3_600_000, 0),
  }),
  'sign up': fc.record({
    agent: upTo(1),
    signer: upTo(1),
    revoked: fc.constantFrom(false, false, true),
  }),
  contradict: fc.record({
    what: fc.constantFrom<('agent' | 'wallet' | 'key' | 'endpoint' | 'price')[]>(
      ...(['agent', 'wallet', 'key', 'endpoint', 'price'] as const),
    ),
  }),
  read: fc.record({
    what: fc.constantFrom('quote' as const, 'totals' as const),
    endpoint: upTo(5),
  }),
} satisfies { [Kind in Command['do']]: fc.Arbitrary<Omit<Extract<Command, { do: Kind }>, 'do'>> }

const weights: { [Kind in Command['do']]: number } = {
  pay: 40,
  verify: 16,
  ask: 4,
  reconsider: 2,
  capture: 14,
  refund: 8,
  'expire holds': 4,
  'set terms': 3,
  list: 1,
  wait: 7,
  'wait until': 3,
  reprice: 5,
  announce: 3,
  allow: 4,
  deposit: 3,
  'pay out': 4,
  'roll up': 4,
  set: 4,
  revoke: 1,
  expire: 1,
  'sign up': 1,
  contradict: 1,
  read: 2,
}

const command: fc.Arbitrary<Command> = fc.oneof(
  ...Object.entries(kinds).map(([kind, details]) => ({
    weight: weights[kind as Command['do']],
    arbitrary: (details as fc.Arbitrary<object>).map((it) => ({ do: kind, ...it }) as Command),
  })),
)

const opening: fc.Arbitrary<Opening> = fc.record({
  deposits: fc.tuple(
    fc.constantFrom('1000', '1000', '30', '0'),
    fc.constantFrom('1000', '29'),
    fc.constantFrom('1000', '19'),
    fc.constantFrom('1000', '9'),
  ),
  limits: fc.tuple(limits, limits, limits, fc.option(limits)),
})

export type World = { start: string; timeZone: string; opening: Opening; commands: Command[] }

/** A world: how it begins, and what then happens. Sessions of any time zone see the same one. */
export const world: fc.Arbitrary<World> = fc.record({
  start: fc.constantFrom(
    '2026-11-20T12:00:00.000Z',
    '2026-11-30T23:58:30.500Z',
    '2028-02-28T23:59:59.999Z',
    '2040-06-15T08:00:00.250Z',
  ),
  timeZone: fc.constantFrom('UTC', 'America/Los_Angeles', 'Pacific/Kiritimati'),
  opening,
  commands: fc.array(command, { maxLength: 80, size: 'max' }),
})
