import { randomBytes } from 'node:crypto'
import { request } from 'node:http'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { expectProblem } from '../support/problems.ts'
import { sendRaw } from '../support/raw.ts'
import { waitedFor } from '../support/trips.ts'
import { type Agent, type Endpoint, openWorld, type World } from '../support/world.ts'

let world: World
let agent: Agent
let endpoint: Endpoint

beforeAll(async () => {
  world = await openWorld()
  ;[agent, endpoint] = [await world.agent(), await world.endpoint()]
})
afterAll(() => world.close())

/** Everything the database has, as text. */
async function everythingStored(): Promise<string> {
  const { sql } = world.database
  const tables = await sql`
    select format('%I.%I', schemaname, tablename) as name from pg_tables
    where schemaname in ('api', 'ledger', 'public')`
  const rows = await Promise.all(
    tables.map(({ name }) => sql.unsafe(`select it::text from ${name} as it`)),
  )
  return JSON.stringify(rows)
}

/** What Redis keeps of a payment, and the names of all it was ever told. */
async function everythingCached(paymentId: string): Promise<string> {
  const { redis } = world.payos
  const answer = await redis.command('GET', `payos:test:answer:${paymentId}`)
  return JSON.stringify([answer, redis.trips])
}

describe('T64: what a query says', () => {
  it('is stored by nobody: the ledger and the proof have its digest', async ({ expect }) => {
    const secret = `mail${randomBytes(8).toString('hex')}`
    const resource = `${endpoint.url}?email=${secret}%40example.org&prompt=${secret}`

    const paid = await world.pay(agent, endpoint, { body: { resource } })
    await world.kept(paid)
    await world.verify({ proof: paid.body.proof, method: 'GET', resource })

    expect(paid.status).toBe(200)
    const claims = `${Buffer.from(paid.body.proof.split('.')[1], 'base64url')}`
    const stored = [await everythingStored(), await everythingCached(paid.body.paymentId)]
    expect(stored.map((text) => text.includes(paid.body.paymentId))).toEqual([true, true])
    for (const text of [...stored, ...world.payos.edges.logs(), claims, paid.text]) {
      expect(text).not.toContain(secret)
    }
  })
})

describe('T84: a page of another site', () => {
  const origins = ['https://evil.example', 'null', 'https://edge.payos.test.evil.example']

  it.for(origins)(
    '%s reads nothing with the credentials of its visitor',
    async (origin, { expect }) => {
      const paths = ['/v1/x402/pay', '/v1/x402/verify', '/v1/x402/payments', '/v1/metrics']
      const preflights = paths.map((path) =>
        sendRaw(world, path, {
          method: 'OPTIONS',
          headers: {
            origin,
            'access-control-request-method': 'POST',
            'access-control-request-headers': 'authorization, x-evil',
          },
        }),
      )
      const headers = { origin, 'content-type': 'application/json' }
      const asked = [
        sendRaw(world, '/v1/x402/pay', { method: 'POST', headers, body: '{}' }),
        sendRaw(world, `/v1/x402/endpoints/${endpoint.id}`, { headers }),
        sendRaw(world, '/.well-known/jwks.json', { headers }),
      ]

      for (const answer of await Promise.all([...preflights, ...asked])) {
        expect(answer.headers.has('access-control-allow-credentials')).toBe(false)
        expect(answer.headers.get('access-control-allow-origin') ?? '*').toBe('*')
        expect(answer.headers.has('access-control-allow-headers')).toBe(false)
      }
    },
  )

  it('cannot pay by a form: only JSON is read', async ({ expect }) => {
    const body = JSON.stringify(await world.payBody(agent, endpoint))
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data']) {
      const headers = { 'content-type': type, authorization: `Bearer ${agent.apiKey}` }
      const answer = await sendRaw(world, '/v1/x402/pay', { method: 'POST', headers, body })
      expect(answer.status).toBe(415)
      expectProblem(expect, answer)
    }
  })
})

describe('T73: a caller that wastes time', () => {
  it('with a body that never ends holds nobody up', async ({ expect }) => {
    const { hostname, port } = new URL(world.payos.edges.edges[0]?.url ?? '')
    const headers = {
      'content-type': 'application/json',
      'content-length': 60_000,
      authorization: `Bearer ${agent.apiKey}`,
    }
    const path = '/v1/x402/pay'
    const slow = Array.from({ length: 100 }, () => {
      const sent = request({ hostname, port, path, method: 'POST', headers, agent: false })
      sent.on('error', () => undefined)
      sent.write('{"endpointId":')
      return sent
    })

    const paid = await Promise.all(Array.from({ length: 20 }, () => world.pay(agent, endpoint)))

    expect(new Set(paid.map(({ status }) => status))).toEqual(new Set([200]))
    for (const sent of slow) sent.destroy()
  })

  it.for<[string, () => Record<string, string>]>([
    [
      '1 000 headers',
      () => Object.fromEntries(Array.from({ length: 1_000 }, (_, at) => [`x-h-${at}`, 'v'])),
    ],
    ['a header of 12 KiB', () => ({ 'x-long': 'v'.repeat(12 * 1024) })],
    ['a key of 12 KiB', () => ({ authorization: `Bearer pk_test_${'a'.repeat(12 * 1024)}` })],
  ])('with %s is answered without a trip', async ([, headers], { expect }) => {
    const answer = await world.pay(agent, endpoint, { key: undefined, headers: headers() })

    expect(answer.status).toBe(401)
    expectProblem(expect, answer)
    expect(waitedFor(answer)).toEqual([])
  })
})
