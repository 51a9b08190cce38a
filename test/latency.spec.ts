import { afterAll, beforeAll, describe, it } from 'vitest'
import { type Edges, startEdges } from '../local/edges.ts'
import { ask, type Probe, startProbe } from './support/probe.ts'

describe('with a latency', () => {
  let probe: Probe
  let far: Edges

  const callsTake = async (times: number, of = far) => {
    const answer = await ask(of, `/calls?times=${times}&path=/far`)
    return ((await answer.json()) as { ms: number }).ms
  }

  beforeAll(async () => {
    const latency = { database: { ms: 200 }, connections: 6 }
    probe = await startProbe()
    const backends = { [probe.origin]: 'database' as const }
    far = await startEdges({ ...probe, latency, backends })
  })

  afterAll(async () => {
    await far?.stop()
    await probe?.stop()
  })

  it.for([
    { calls: 1, ms: 200 },
    { calls: 6, ms: 200 },
    { calls: 7, ms: 400 },
    { calls: 13, ms: 600 },
  ])('$calls calls at once take $ms ms: six wait at a time', async ({ calls, ms }, { expect }) => {
    const taken = await callsTake(calls)
    expect(taken).toBeGreaterThanOrEqual(ms - 2)
    expect(taken).toBeLessThan(ms + 200)
  })

  it('another request waits for its own six', async ({ expect }) => {
    const taken = await Promise.all([callsTake(6), callsTake(6), callsTake(6)])
    expect(Math.max(...taken)).toBeLessThan(400)
  })

  it('a call still carries the ray of its request', async ({ expect }) => {
    await ask(far, '/calls?times=2&path=/through', { ray: 'far-1' })
    expect(probe.raysOf('/through')).toEqual(['far-1', 'far-1'])
  })

  it('a connection that the backend drops is lost to the Worker', async ({ expect }) => {
    expect(await (await ask(far, '/drop')).text()).toBe('Error: Network connection lost.')
  })

  it('a call that the Worker gave up arrives all the same', async ({ expect }) => {
    expect(await (await ask(far, '/impatient')).text()).toContain('TimeoutError')
    expect(probe.raysOf('/abandoned')).toEqual([])
    await expect.poll(() => probe.raysOf('/abandoned')).toHaveLength(1)
  })

  it('a backend that is not listed is as near as it is', async ({ expect }) => {
    const latency = { database: { ms: 1_000 } }
    const near = await startEdges({ ...probe, latency })
    expect(await callsTake(1, near)).toBeLessThan(500)
    await near.stop()
  })

  it('connections cannot be counted without control', async ({ expect }) => {
    const latency = { connections: 6 }
    const started = startEdges({ ...probe, latency, control: false })
    await expect(started).rejects.toThrow('cf-ray')
  })
})
