import { afterAll, beforeAll, describe, it } from 'vitest'
import { type Edges, startEdges } from '../local/edges.ts'
import { ask, type Probe, startProbe } from './support/probe.ts'

const DAY_MS = 86_400_000
const locations = ['lima', 'quito']

let probe: Probe
let edges: Edges

beforeAll(async () => {
  probe = await startProbe()
  edges = await startEdges({ ...probe, locations })
})

afterAll(async () => {
  await edges?.stop()
  await probe?.stop()
})

type State = {
  seen: number
  now: number
  date: string
  epoch: string
  ray: string | null
  setting: string
}

async function stateOf(options: { at?: number; ray?: string } = {}, of = edges): Promise<State> {
  return (await ask(of, '/state', options)).json() as Promise<State>
}

describe('an edge location', () => {
  it('shares no isolate state with another', async ({ expect }) => {
    await edges.restart()
    await stateOf({ at: 0 })
    await stateOf({ at: 0 })
    expect(await stateOf({ at: 0 })).toMatchObject({ seen: 3 })
    expect(await stateOf({ at: 1 })).toMatchObject({ seen: 1 })
  })

  it('is cold after a restart, at the same address', async ({ expect }) => {
    const [url, pids] = [edges.edges[0]?.url, edges.pids()]
    await stateOf()
    await edges.restart('lima')
    expect(await stateOf()).toMatchObject({ seen: 1, setting: 'first' })
    expect(edges.edges[0]?.url).toBe(url)
    expect(edges.pids()).toHaveLength(1)
    expect(edges.pids()).not.toEqual(pids)
  })

  it('is unknown by another name', async ({ expect }) => {
    await expect(edges.restart('atlantis')).rejects.toThrow('no edge "atlantis"')
  })

  it('keeps the lines its Worker prints', async ({ expect }) => {
    await stateOf()
    await expect.poll(() => edges.logs()).toContain('probe first')
  })

  it('sees new bindings, and keeps the others', async ({ expect }) => {
    await edges.setBindings({ SETTING: 'second' })
    expect(await stateOf()).toMatchObject({ seen: 1, setting: 'second' })
    expect((await ask(edges, '/calls?times=1&path=/kept')).status).toBe(200)
    await edges.setBindings(probe.bindings)
  })

  it('can have a process, and so a thread, of its own', async ({ expect }) => {
    const apart = await startEdges({ ...probe, locations, processes: 2 })
    const [lima, quito] = apart.pids()
    await stateOf({ at: 1 }, apart)
    await apart.restart('lima')
    expect(apart.pids()).toContain(quito)
    expect(apart.pids()).not.toContain(lima)
    expect(await stateOf({ at: 1 }, apart)).toMatchObject({ seen: 2 })
    await apart.stop()
    expect(apart.pids()).toEqual([])
  })

  it('runs the Worker alone when it is not controlled', async ({ expect }) => {
    const plain = await startEdges({ ...probe, control: false })
    expect(await stateOf({}, plain)).toMatchObject({ ray: null })
    expect(await (await ask(plain, '/__control/clock')).text()).toBe('unknown')
    await expect(plain.moveClock(1)).rejects.toThrow('controlled')
    await plain.stop()
  })
})

describe('the clock of an edge', () => {
  it('is what the Worker reads at every location once it is moved', async ({ expect }) => {
    await edges.moveClock(DAY_MS)
    for (const at of [0, 1]) {
      const { now, date } = await stateOf({ at })
      expect(now - Date.now()).toBeGreaterThan(DAY_MS - 5_000)
      expect(now - Date.now()).toBeLessThanOrEqual(DAY_MS)
      expect(Date.parse(date) - now).toBeLessThan(1_000)
    }
  })

  it('leaves a date that is given as it is', async ({ expect }) => {
    await edges.moveClock(DAY_MS)
    expect(await stateOf()).toMatchObject({ epoch: '1970-01-01T00:00:00.000Z' })
  })

  it('stays moved through a restart', async ({ expect }) => {
    await edges.moveClock(DAY_MS)
    await edges.restart()
    expect((await stateOf()).now - Date.now()).toBeGreaterThan(DAY_MS - 5_000)
  })

  it('dates a cron run', async ({ expect }) => {
    await edges.moveClock(DAY_MS)
    await edges.edges[0]?.dispatchScheduled('* * * * *')
    const at = Number(
      probe.trips.findLast(({ path }) => path.startsWith('/cron'))?.path.split('?')[1],
    )
    expect(at - Date.now()).toBeGreaterThan(DAY_MS - 5_000)
  })

  it('is the one thing its control route moves', async ({ expect }) => {
    expect((await ask(edges, '/__control/clock')).status).toBe(404)
    expect((await ask(edges, '/__control/other')).status).toBe(404)
  })

  it('goes back to the time of the machine', async ({ expect }) => {
    await edges.moveClock(0)
    expect(Math.abs((await stateOf()).now - Date.now())).toBeLessThan(5_000)
  })
})

describe('the ray of a request', () => {
  it('is given to each request that has none', async ({ expect }) => {
    const { ray } = await stateOf()
    expect(ray).toMatch(/^[0-9a-f]{16}-lima$/)
    expect((await stateOf()).ray).not.toBe(ray)
  })

  it('stays what the caller sent', async ({ expect }) => {
    expect(await stateOf({ ray: 'given-1' })).toMatchObject({ ray: 'given-1' })
  })

  it('goes with every call made for it, and no call of another', async ({ expect }) => {
    await Promise.all([
      ask(edges, '/calls?times=3&path=/a', { ray: 'ray-a' }),
      ask(edges, '/calls?times=3&path=/b', { ray: 'ray-b' }),
    ])
    expect(probe.raysOf('/a')).toEqual(['ray-a', 'ray-a', 'ray-a'])
    expect(probe.raysOf('/b')).toEqual(['ray-b', 'ray-b', 'ray-b'])
  })

  it('goes with what the Worker does after its answer', async ({ expect }) => {
    await Promise.all([
      ask(edges, '/later', { ray: 'late-1' }),
      ask(edges, '/later', { ray: 'late-2' }),
    ])
    await expect.poll(() => probe.raysOf('/later').sort()).toEqual(['late-1', 'late-2'])
  })

  it('is a new one for a cron run', async ({ expect }) => {
    await edges.edges[1]?.dispatchScheduled('* * * * *')
    expect(probe.trips.at(-1)?.ray).toMatch(/^[0-9a-f]{16}-quito$/)
  })
})

describe('a cron run', () => {
  it('that throws is known to whoever asked for it', async ({ expect }) => {
    await expect(edges.edges[0]?.dispatchScheduled('broken')).rejects.toThrow('exception')
  })
})
