import fc from 'fast-check'

const functions = ['settle_x402_payment', 'capture_x402_payment', 'refund_x402_payment'] as const

/** What happens in a story: someone pays, a provider settles or refunds, or something breaks. */
export type Command =
  | { do: 'pay'; agent: number; request: number; edge: number; capture: string; times: number }
  | { do: 'settle'; agent: number; request: number; edge: number; amount: string; attempt: string }
  | { do: 'refund'; agent: number; request: number; edge: number; amount: string; name: string }
  | { do: 'promise'; request: number; times: number }
  | { do: 'break the ledger'; match: string; when: 'before' | 'after'; kind: Kind }
  | { do: 'break redis'; kind: Kind }
  | { do: 'empty redis' }
  | { do: 'restart'; edge: number }
  | { do: 'rotate keys' }
  | { do: 'kill postgres' }
  | { do: 'the minute' }
  | { do: 'wait'; ms: number }

type Kind = 'drop' | 'garbage' | 'status'

const upTo = (max: number) => fc.nat({ max })
const broken = fc.constantFrom<Kind[]>('drop', 'garbage', 'status')
const who = { agent: upTo(1), request: upTo(4), edge: upTo(1) }

const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 14,
    arbitrary: fc.record({
      ...{ do: fc.constant('pay' as const), ...who },
      capture: fc.constantFrom('automatic', 'automatic', 'manual'),
      times: fc.constantFrom(1, 1, 1, 2, 8),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      ...{ do: fc.constant('settle' as const), ...who },
      amount: fc.constantFrom('0', '400', '1000', '1000', '1001'),
      attempt: fc.constantFrom('one', 'one', 'two'),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      ...{ do: fc.constant('refund' as const), ...who },
      amount: fc.constantFrom('1', '400', '1000'),
      name: fc.constantFrom('one', 'two'),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('promise' as const),
      request: upTo(9),
      times: fc.constantFrom(1, 1, 4),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('break the ledger' as const),
      match: fc.constantFrom(...functions, functions[0]),
      when: fc.constantFrom('before' as const, 'after' as const),
      kind: broken,
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('break redis' as const), kind: broken }) },
  { weight: 1, arbitrary: fc.constant({ do: 'empty redis' as const }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('restart' as const), edge: upTo(1) }) },
  { weight: 1, arbitrary: fc.constant({ do: 'rotate keys' as const }) },
  { weight: 1, arbitrary: fc.constant({ do: 'kill postgres' as const }) },
  { weight: 1, arbitrary: fc.constant({ do: 'the minute' as const }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('wait' as const),
      ms: fc.constantFrom(1_000, 11_000, 61_000, 121_000, 901_000, 90_000_000),
    }),
  },
)

export const story: fc.Arbitrary<Command[]> = fc.array(command, { minLength: 12, maxLength: 28 })
