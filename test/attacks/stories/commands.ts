import fc from 'fast-check'

/** What happens in a story: someone pays, or something breaks. */
export type Command =
  | { do: 'pay'; agent: number; request: number; edge: number }
  | { do: 'pay at once'; agent: number; request: number; times: number }
  | { do: 'break the ledger'; when: 'before' | 'after'; kind: 'drop' | 'garbage' | 'status' }
  | { do: 'break redis'; kind: 'drop' | 'garbage' | 'status' }
  | { do: 'empty redis' }
  | { do: 'restart'; edge: number }
  | { do: 'rotate keys' }
  | { do: 'kill postgres' }
  | { do: 'wait'; ms: number }

const upTo = (max: number) => fc.nat({ max })
const broken = fc.constantFrom('drop' as const, 'garbage' as const, 'status' as const)

const pay = fc.record({
  do: fc.constant('pay' as const),
  agent: upTo(1),
  request: upTo(4),
  edge: upTo(1),
})

const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 12, arbitrary: pay },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('pay at once' as const),
      agent: upTo(1),
      request: upTo(4),
      times: fc.integer({ min: 2, max: 8 }),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('break the ledger' as const),
      when: fc.constantFrom('before' as const, 'after' as const),
      kind: broken,
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('break redis' as const), kind: broken }) },
  { weight: 1, arbitrary: fc.constant({ do: 'empty redis' as const }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('restart' as const), edge: upTo(1) }) },
  { weight: 1, arbitrary: fc.constant({ do: 'rotate keys' as const }) },
  { weight: 1, arbitrary: fc.constant({ do: 'kill postgres' as const }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('wait' as const),
      ms: fc.constantFrom(1_000, 11_000, 61_000, 121_000, 901_000),
    }),
  },
)

export const story: fc.Arbitrary<Command[]> = fc.array(command, { minLength: 12, maxLength: 24 })
