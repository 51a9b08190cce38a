import { describe, it } from 'vitest'
import { parseArguments } from './arguments.ts'
import { CommandFailure } from './failure.ts'

const options = {
  id: { value: 'UUID', help: '' },
  amount: { value: 'AMOUNT', help: '', required: true },
  currency: { value: 'USDC|EURC', help: '', required: true },
  status: { value: 'STATUS', help: '' },
  from: { value: 'WHEN', help: '' },
  who: { value: 'UUID', help: '', several: true },
  json: { help: '' },
}

const parse = (line: string) => parseArguments(line.split(' '), options)
const given = '--amount 10.5 --currency USDC'
const NOW = 1_790_000_000

describe('a command line', () => {
  it('holds amounts exactly, in atomic units', ({ expect }) => {
    expect(parse(given).amount('amount')).toBe(10_500_000n)
    expect(parse('--amount 9007199254.740991 --currency EURC').amount('amount')).toBe(
      2n ** 53n - 1n,
    )
  })

  it.for([
    ['2026-11-20T12:00:00Z', 1_795_176_000],
    ['1795176000', 1_795_176_000],
    ['+90', undefined],
    ['+90s', NOW + 90],
    ['+10m', NOW + 600],
    ['+2h', NOW + 7_200],
    ['+30d', NOW + 2_592_000],
    ['tomorrow', undefined],
    ['1795176000000', undefined],
  ] as const)('reads the moment %s', ([text, seconds], { expect }) => {
    const read = () => parse(`${given} --from ${text}`).moment('from', NOW)
    if (seconds === undefined) expect(read).toThrow('--from is RFC 3339')
    else expect(read()).toBe(seconds)
  })

  it('counts in whole numbers within its bounds', ({ expect }) => {
    const count = (text: string, bounds = {}) =>
      parse(`${given} --status ${text}`).whole('status', 7, bounds)
    expect(parse(given).whole('status', 7)).toBe(7)
    expect(count('12')).toBe(12)
    expect(count('0', { min: 0 })).toBe(0)
    for (const text of ['abc', '0', '1.5', '9007199254740992']) {
      expect(() => count(text)).toThrow('--status is a whole number from 1')
    }
    expect(() => count('31', { max: 30 })).toThrow('--status is a whole number from 1 to 30')
  })

  it('holds an option as often as it is given', ({ expect }) => {
    const one = '10000000-0000-4000-8000-000000000001'
    const two = '10000000-0000-4000-8000-000000000002'
    expect(parse(`${given} --who ${one} --who ${two}`).ids('who')).toEqual([one, two])
  })

  it('takes the first of its choices when none is named', ({ expect }) => {
    expect(parse(given).choice('status', ['active', 'frozen'])).toBe('active')
  })

  it('holds the name of a key that begins with a hyphen', ({ expect }) => {
    const name = `-${'k'.repeat(42)}`
    expect(parse(`${given} ${name}`).positionals).toEqual([name])
    expect(parse(`${given} --id ${name}`).optional('id')).toBe(name)
    expect(parse(`${given} ${name} --json`).flag('json')).toBe(true)
  })

  it.for([
    ['every required option it lacks', '--json', 'missing: --amount, --currency'],
    ['an option nobody knows', `${given} --other x`, "Unknown option '--other'"],
    ['an option without its value', '--amount', "'--amount <value>' argument missing"],
  ] as const)('is refused for %s', ([, line, words], { expect }) => {
    expect(() => parse(line)).toThrow(words)
    expect(() => parse(line)).toThrow(CommandFailure)
  })

  it.for([
    ['--id is a UUID', (line: string): unknown => parse(`${given} --id ${line}`).id('id'), 'ABC'],
    [
      '--currency is one of',
      (line: string): unknown => parse(`--amount 1 --currency ${line}`).currency(),
      'usd',
    ],
    [
      '--status is one of',
      (line: string): unknown => parse(`${given} --status ${line}`).choice('status', ['a']),
      'b',
    ],
    [
      '--amount is a decimal',
      (line: string): unknown => parse(`--currency USDC --amount ${line}`).amount('amount'),
      '1,5',
    ],
  ] as const)('is refused a value of another form: %s', ([words, read, value], { expect }) => {
    expect(() => read(value)).toThrow(words)
  })
})
