import { spawn } from 'node:child_process'
import { appendFileSync, readFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { type Agent, type Endpoint, openWorld, type World } from '../support/world.ts'
import type { Flood } from './flood/flooder.ts'

/** By `npm run attack -- --flood` on a quiet machine; else small, and judged by trips alone. */
const isMeasured = process.env['ATTACK_FLOOD'] !== undefined
const [PER_SECOND, SECONDS] = isMeasured ? [1_000, 20] : [200, 1]
const FLOODER = fileURLToPath(new URL('./flood/flooder.ts', import.meta.url))

let world: World
let agent: Agent
let signer: Agent
let endpoint: Endpoint

beforeAll(async () => {
  world = await openWorld()
  agent = await world.agent()
  signer = await world.agent({ signs: true })
  endpoint = await world.endpoint()
  await payFor(1)
})
afterAll(() => world.close())

/** Pays one after the other for a while, as a caller who minds its own business, and takes times. */
async function payFor(seconds: number): Promise<number[]> {
  const until = performance.now() + seconds * 1000
  const times: number[] = []
  while (performance.now() < until) {
    const startedAt = performance.now()
    const { status } = await world.pay(agent, endpoint)
    if (status !== 200) throw new Error(`a payment was answered ${status}`)
    times.push(performance.now() - startedAt)
  }
  return times
}

const p99 = (times: readonly number[]) =>
  times.toSorted((a, b) => a - b)[Math.floor(times.length * 0.99)] ?? Number.NaN

/** The processor time the Worker's processes have had, in milliseconds; on Linux. */
function workerMs(): number {
  try {
    return world.payos.edges.pids().reduce((sum, pid) => {
      const [, , ...rest] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(/\) | /)
      return sum + 10 * (Number(rest[11]) + Number(rest[12]))
    }, 0)
  } catch {
    return Number.NaN
  }
}

async function flood(plan: Omit<Flood, 'url' | 'perSecond' | 'seconds'>) {
  const url = `${world.payos.edges.edges[0]?.url}/v1/x402/pay`
  const child = spawn(process.execPath, [FLOODER], { stdio: ['pipe', 'pipe', 'inherit'] })
  child.stdin.end(JSON.stringify({ url, perSecond: PER_SECOND, seconds: SECONDS, ...plan }))
  return JSON.parse(await text(child.stdout)) as Record<string, number>
}

/** A signed order with one bit of its signature changed: it costs an Ed25519 verification. */
async function badlySigned() {
  const body = await world.payBody(signer, endpoint)
  const signature = `${body['signature']}`.replace(/^./, (it) => (it === 'A' ? 'B' : 'A'))
  return JSON.stringify({ ...body, signature })
}

const json = { 'content-type': 'application/json' }
const bearer = (key: string) => ({ ...json, authorization: `Bearer ${key}` })

const floods: [string, () => Promise<{ headers: Record<string, string>; body: string }>][] = [
  ['bad signatures', async () => ({ headers: bearer(signer.apiKey), body: await badlySigned() })],
  [
    'keys with a bad checksum',
    async () => ({ headers: bearer(`${agent.apiKey.slice(0, -1)}~`), body: await badlySigned() }),
  ],
  [
    'bodies that are no JSON',
    async () => ({ headers: bearer(agent.apiKey), body: '{'.repeat(900) }),
  ],
]

describe('T73: a flood', () => {
  it.for(floods)(
    'of %s costs no trip, and others go on paying',
    { timeout: 180_000 },
    async ([what, make], { expect }) => {
      const quiet = await payFor(SECONDS)
      const { postgrest, redis } = world.payos
      const plan = await make()
      const cpuBefore = workerMs()
      const tripsBefore = postgrest.trips.length + redis.trips.length

      const statuses = await flood(plan)
      const cpu = workerMs() - cpuBefore
      const made = postgrest.trips.length + redis.trips.length - tripsBefore
      const [, loud] = await Promise.all([flood(plan), payFor(SECONDS)])

      const refused = Object.values(statuses).reduce((sum, count) => sum + count, 0)
      expect(Object.keys(statuses).every((status) => status === '400' || status === '401')).toBe(
        true,
      )
      expect(refused).toBeGreaterThan(0.8 * PER_SECOND * SECONDS)
      // Counters are handed over at most every five seconds, whatever they counted.
      expect(made).toBeLessThanOrEqual(2 + SECONDS / 5)
      expect(loud.length).toBeGreaterThan(0)
      const found = { what, refused, cpuMs: cpu / refused, quiet: p99(quiet), loud: p99(loud) }
      if (!isMeasured) return
      appendFileSync(`${process.env['ATTACK_FLOOD']}`, `${JSON.stringify(found)}\n`)
      expect(found.loud).toBeLessThanOrEqual(2 * found.quiet)
    },
  )
})
