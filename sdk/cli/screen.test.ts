import { describe, it } from 'vitest'
import { listed, painter } from './screen.ts'

describe('the colours of the command', () => {
  it.for([
    ['a terminal', true, undefined, '\u001b[32m✓\u001b[0m'],
    ['a terminal with an empty NO_COLOR', true, '', '\u001b[32m✓\u001b[0m'],
    ['a terminal with NO_COLOR', true, '1', '✓'],
    ['a file', false, undefined, '✓'],
    ['a pipe', undefined, undefined, '✓'],
  ] as const)('are for %s: %s, %s', ([, isTerminal, noColor, text], { expect }) => {
    expect(painter(isTerminal, noColor)(32, '✓')).toBe(text)
  })
})

describe('facts under each other', () => {
  it('leave out what is not there', ({ expect }) => {
    expect(listed({ amount: '0.1', proof: undefined, at: 7 })).toBe(
      '  amount       0.1\n  at           7',
    )
  })
})
