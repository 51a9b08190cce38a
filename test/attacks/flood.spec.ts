import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, readFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { type Agent, type Endpoint, openWorld, type World } from '../support/world.ts'
import type { Flooded } from './flood/flooder.ts'

/** By `npm run attack -- --flood` on a quiet machine; else small, and judged by trips alone. */
const isMeasured = process.env['ATTACK_FLOOD'] !== undefined
const [WINDOWS, SECONDS] = isMeasured ? [8, 3] : [1, 1]
const PER_SECOND = isMeasured ? 1_000 : 200
const FLOODER = fileURLToPath(new URL('./flood/flooder.ts', import.meta.url))

let world: World
let agent: Agent
let signer: Agent
let endpoint: Endpoint

beforeAll(async () => {
  // The Worker alone, without the clock and the names of requests that specs give it.
  world = await openWorld({ control: false })
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

type Sent = { headers: Record<string, string>; body: string }

/** Sends the same again and again from another process, which takes only what time is left. */
async function flood(sent: Sent, pace: { perSecond: number; seconds: number }) {
  const url = `${world.payos.edges.edges[0]?.url}/v1/x402/pay`
  const child = spawn(process.execPath, [FLOODER], { stdio: ['pipe', 'pipe', 'inherit'] })
  child.stdin.end(JSON.stringify({ url, ...pace, ...sent }))
  await once(child.stdout, 'readable')
  return { ended: text(child.stdout).then((it): Flooded => JSON.parse(it)) }
}

/** What one refusal costs the Worker's processes, and how many it makes when it does nothing else. */
async function costOf(sent: Sent) {
  const before = workerMs()
  const { ended } = await flood(sent, { perSecond: 0, seconds: SECONDS })
  const { statuses, seconds } = await ended
  const refused = countOf(statuses)
  return { cpuMs: (workerMs() - before) / refused, most: refused / seconds }
}

const countOf = (statuses: Flooded['statuses']) =>
  Object.values(statuses).reduce((sum, count) => sum + count, 0)

/** Times a caller in quiet windows and in flooded ones, by turns, so that both see the same machine. */
async function byTurns(sent: Sent) {
  const [quiet, loud]: [number[], number[]] = [[], []]
  const statuses = new Map<string, number>()
  for (let window = 0; window < WINDOWS; window++) {
    quiet.push(...(await payFor(SECONDS)))
    const { ended } = await flood(sent, { perSecond: PER_SECOND, seconds: SECONDS + 0.5 })
    loud.push(...(await payFor(SECONDS)))
    for (const [status, count] of Object.entries((await ended).statuses)) {
      statuses.set(status, (statuses.get(status) ?? 0) + count)
    }
  }
  return { quiet, loud, statuses: Object.fromEntries(statuses) }
}

/** A signed order with one bit of its signature changed: it costs an Ed25519 verification. */
async function badlySigned() {
  const body = await world.payBody(signer, endpoint)
  const signature = `${body['signature']}`.replace(/^./, (it) => (it === 'A' ? 'B' : 'A'))
  return JSON.stringify({ ...body, signature })
}

const json = { 'content-type': 'application/json' }
const bearer = (key: string) => ({ ...json, authorization: `Bearer ${key}` })

const floods: [string, () => Promise<Sent>][] = [
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
      const { postgrest, redis } = world.payos
      const sent = await make()
      const tripsBefore = postgrest.trips.length + redis.trips.length
      const cost = await costOf(sent)
      const trips = postgrest.trips.length + redis.trips.length - tripsBefore

      const { quiet, loud, statuses } = await byTurns(sent)

      expect(['400', '401']).toEqual(expect.arrayContaining(Object.keys(statuses)))
      const refused = countOf(statuses)
      expect(refused).toBeGreaterThan(0.8 * PER_SECOND * SECONDS * WINDOWS)
      // Counters are handed over at most every five seconds, whatever they counted.
      expect(trips).toBeLessThanOrEqual(2 + SECONDS / 5)
      expect(loud.length).toBeGreaterThan(0)
      const found = { what, refused, ...cost, quiet: p99(quiet), loud: p99(loud) }
      if (!isMeasured) return
      appendFileSync(`${process.env['ATTACK_FLOOD']}`, `${JSON.stringify(found)}\n`)
      expect(found.loud).toBeLessThanOrEqual(2 * found.quiet)
    },
  )
})
