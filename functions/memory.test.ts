import { describe, it } from 'vitest'
import { memoryOf } from './memory.ts'

const clock = { now: 1_000, nowSeconds: () => clock.now }

describe('what an isolate remembers', () => {
  it('is the entries used last, as many as it may hold', ({ expect }) => {
    const memory = memoryOf<string, number>({ max: 3, seconds: 60, clock })
    for (const [at, name] of ['one', 'two', 'three'].entries()) memory.set(name, at)
    memory.get('one')
    memory.set('four', 4)

    expect([...memory.keys()].sort()).toEqual(['four', 'one', 'three'])
  })

  it('is forgotten when its time is over, by the clock it was given', ({ expect }) => {
    const memory = memoryOf<string, true>({ max: 3, seconds: 10, clock })
    memory.set('it', true)

    clock.now += 10
    expect(memory.has('it')).toBe(true)
    clock.now += 1
    expect(memory.has('it')).toBe(false)
  })

  it('takes up no room before there is something in it', ({ expect }) => {
    const memory = memoryOf<string, true>({ max: 10_000, seconds: 10, clock })

    expect([memory.max, memory.maxSize]).toEqual([0, 10_000])
  })
})
