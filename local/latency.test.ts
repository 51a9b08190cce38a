import { describe, it } from 'vitest'
import { delaysOf, type Latency } from './latency.ts'

const far: Latency = { database: { ms: 140, jitterMs: 20 }, redis: { ms: 1, jitterMs: 5 } }
const draw = (latency: Latency) => {
  const delayOf = delaysOf(latency)
  return Array.from({ length: 1000 }, () => delayOf('database'))
}

describe('delays of a backend', () => {
  it('are the same for the same seed', async ({ expect }) => {
    expect(draw({ ...far, seed: 7 })).toEqual(draw({ ...far, seed: 7 }))
  })

  it('differ from seed to seed', async ({ expect }) => {
    expect(draw({ ...far, seed: 7 })).not.toEqual(draw({ ...far, seed: 8 }))
  })

  it('stay within the jitter and spread over it evenly', async ({ expect }) => {
    const drawn = draw(far)
    const mean = drawn.reduce((sum, ms) => sum + ms, 0) / drawn.length
    expect(Math.min(...drawn)).toBeGreaterThanOrEqual(120)
    expect(Math.max(...drawn)).toBeLessThanOrEqual(160)
    expect(Math.abs(mean - 140)).toBeLessThan(2)
  })

  it('are never negative', async ({ expect }) => {
    const delayOf = delaysOf(far)
    const drawn = Array.from({ length: 1000 }, () => delayOf('redis'))
    expect(Math.min(...drawn)).toBe(0)
  })

  it('are nothing for a backend without a distance', async ({ expect }) => {
    expect(delaysOf(far)('qstash')).toBe(0)
  })
})
