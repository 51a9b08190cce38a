import { it } from 'vitest'
import { parseRetryDelay } from './expression.ts'

it.for([
  ['1000', 3, 1000],
  ['1000 * (1 + retried)', 2, 3000],
  ['pow(2, retried) * 1000', 3, 8000],
  ['max(1000, pow(2, retried) * 100)', 0, 1000],
  ['min(5, 4, 3) + sqrt(16) - abs(-1)', 0, 6],
  ['10 - 4 - 3', 0, 3],
  ['2 + 3 * 4 / 6', 0, 4],
  ['-retried * -2', 4, 8],
  ['floor(1.9) + ceil(1.1) + round(2.5)', 0, 6],
  ['exp(retried)', 0, 1],
] as const)('%s is, retried %d times, %d ms', ([source, retried, ms], { expect }) => {
  expect(parseRetryDelay(source)(retried)).toBe(ms)
})

it.for([
  '',
  '1 +',
  '(1',
  '1 2',
  'pow(2)',
  'sqrt(1, 2)',
  'constructor(1)',
  'retries',
  'process.exit()',
  '1; 2',
])('%s is refused', (source, { expect }) => {
  expect(() => parseRetryDelay(source)).toThrow('invalid retry delay expression')
})
