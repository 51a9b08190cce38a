import { randomBytes } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import connect from 'postgres'
import { afterAll, beforeAll, beforeEach, describe, inject, it } from 'vitest'
import { dropDatabase, pendingMigrations } from '../local/database.ts'
import { postgresFromUrl } from '../local/postgres.ts'
import { type Desk, openDesk } from './support/tools.ts'
import { openWorld, type World } from './support/world.ts'

type Call = { method: string; path: string; body: string }

const server = postgresFromUrl(inject('postgres').superuserUrl)
const empty = `spec_${randomBytes(6).toString('hex')}`
let world: World
let desk: Desk
let cloudflare: Server
let calls: Call[] = []
let refuses = false

beforeAll(async () => {
  world = await openWorld()
  desk = await openDesk()
  const admin = connect(server.url('postgres'), { max: 1 })
  await admin`create database ${admin(empty)}`
  await admin.end()
  cloudflare = createServer(async (request, answer) => {
    const body = await text(request)
    calls.push({ method: request.method ?? '', path: request.url ?? '', body })
    const errors = refuses ? [{ code: 10000, message: 'Authentication error' }] : []
    answer.writeHead(refuses ? 403 : 200, { 'content-type': 'application/json' })
    answer.end(JSON.stringify({ success: !refuses, errors, messages: [], result: {} }))
  })
  await new Promise<void>((resolve) => cloudflare.listen(0, '127.0.0.1', resolve))
})

beforeEach(() => {
  calls = []
  refuses = false
})

afterAll(async () => {
  cloudflare?.close()
  await dropDatabase(server, empty)
  await Promise.all([desk?.close(), world?.close()])
})

function deploy(words: string[]) {
  const { secrets, edges } = world.payos
  const { port } = cloudflare.address() as AddressInfo
  const env = {
    ENVIRONMENT: 'test',
    ISSUER: edges.edges[0]?.url,
    SUPABASE_URL: 'https://project.supabase.example',
    UPSTASH_REDIS_REST_URL: 'https://redis.upstash.example',
    SUPABASE_PUBLISHABLE_KEY: secrets.publishableKey,
    SUPABASE_JWT_SECRET: secrets.jwtSecret,
    UPSTASH_REDIS_REST_TOKEN: secrets.redisToken,
    PROOF_KEYS: secrets.proofKeys,
    METRICS_TOKEN: secrets.metricsToken,
    QSTASH_URL: 'https://qstash.upstash.example',
    QSTASH_TOKEN: 'a token of the spec',
    QSTASH_CURRENT_SIGNING_KEY: 'sig_of_the_spec_that_is_current',
    QSTASH_NEXT_SIGNING_KEY: 'sig_of_the_spec_that_is_next',
    DATABASE_URL: server.url(empty),
    CLOUDFLARE_API_TOKEN: 'a token of the spec',
    CLOUDFLARE_ACCOUNT_ID: 'account',
    CLOUDFLARE_API_BASE_URL: `http://127.0.0.1:${port}/client/v4`,
  }
  return desk.run('deploy', words, { env })
}

describe('a deployment that is run', () => {
  it('puts all secrets in place in one call, with fresh tokens, and looks', async ({ expect }) => {
    const ran = await deploy(['--only', 'secrets'])
    expect(ran).toMatchObject({ exit: 0 })
    expect(calls).toHaveLength(1)
    expect(calls[0]?.path).toContain('/workers/scripts/payos-x402-edge-test/')
    const { secrets } = JSON.parse(calls[0]?.body ?? '')
    expect(Object.keys(secrets).sort()).toEqual([
      'DRAIN_DATABASE_TOKEN',
      'EDGE_DATABASE_TOKEN',
      'METRICS_TOKEN',
      'PROOF_KEYS',
      'QSTASH_CURRENT_SIGNING_KEY',
      'QSTASH_NEXT_SIGNING_KEY',
      'QSTASH_TOKEN',
      'SUPABASE_PUBLISHABLE_KEY',
      'UPSTASH_REDIS_REST_TOKEN',
    ])
    const { exp } = JSON.parse(atob(secrets.EDGE_DATABASE_TOKEN.text.split('.')[1]))
    expect(exp - Date.now() / 1000).toBeGreaterThan(29 * 86_400)
    expect(ran.error).toMatch(/✓ +metrics/)
    expect(ran.out + ran.error).not.toMatch(/eyJ/)
  })

  it('stops where Cloudflare refuses, with its reason', async ({ expect }) => {
    refuses = true
    const ran = await deploy(['--only', 'secrets'])
    expect(ran).toMatchObject({ exit: 5, out: '' })
    expect(ran.error).toContain('secret failed in wrangler')
    expect(ran.error).not.toContain(world.payos.secrets.metricsToken)
  })

  it('has migrated before it puts anything in place', async ({ expect }) => {
    refuses = true
    const ran = await deploy(['--yes'])
    expect(ran).toMatchObject({ exit: 5 })
    expect(ran.error).toMatch(/✓ migrations: applied \d+\n/)
    expect(await pendingMigrations(server.url(empty))).toEqual([])
  })
})
