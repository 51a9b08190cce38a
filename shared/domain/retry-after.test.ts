import { describe, it } from 'vitest'
import { parseRetryAfter } from './retry-after.ts'

const NOW = Date.parse('2026-11-20T12:00:00Z') / 1000

describe('Retry-After', () => {
  it.for([
    ['0', 0],
    ['120', 120],
    [' 120 ', 120],
    ['999999999', 86_400],
    ['Fri, 20 Nov 2026 12:02:00 GMT', 120],
    ['Fri, 20 Nov 2026 11:00:00 GMT', 0],
    ['Fri, 20 Nov 2027 12:00:00 GMT', 86_400],
    ['', undefined],
    ['-1', undefined],
    ['1.5', undefined],
    ['1e3', undefined],
    ['soon', undefined],
    ['9999999999', undefined],
    ['2026-11-20T12:02:00Z', undefined],
    ['Fri, 99 Nov 2026 12:02:00 GMT', undefined],
  ] as const)('%j is %s seconds', ([text, seconds], { expect }) => {
    expect(parseRetryAfter(text, NOW)).toBe(seconds)
  })
})
