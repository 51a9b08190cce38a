import { readdir } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { startPostgrest } from '../local/stand-ins/postgrest/index.ts'
import { startRedis } from '../local/stand-ins/redis/index.ts'
import { type Checkout, openCheckout, type Ran } from './support/dev.ts'
import { openDatabase } from './support/postgres.ts'
import { ask } from './support/postgres-process.ts'
import { JWT_SECRET, mintToken } from './support/rpc-spec.ts'

let checkout: Checkout

beforeAll(async () => {
  checkout = await openCheckout()
})
afterAll(() => checkout.close())

const run = (line: string): Promise<Ran> => checkout.start(line).ended

describe('npm run dev -- --once', () => {
  it('shows a paid call, ends well and leaves nothing running', async ({ expect }) => {
    const { exit, out, error } = await run('npm run dev -- --once')

    expect(error).not.toContain('Error')
    for (const step of ['402 payment required', 'paid at the edge', 'verified locally', '200']) {
      expect(out).toContain(step)
    }
    expect(out).toMatch(/amount +1000\n/)
    expect(out).toMatch(/paid 200 in \d+\.\d s/)
    expect(out).not.toContain('\u001b')
    expect(exit).toBe(0)
    expect(checkout.processes()).toEqual([])
    await expect(checkout.readDevFile()).rejects.toThrow('ENOENT')
  })

  it('tells a script the same in one JSON object', async ({ expect }) => {
    const { exit, out, error } = await run('npm run -s dev -- --once --json')

    expect(exit, error).toBe(0)
    const told = JSON.parse(out)
    expect(told).toMatchObject({
      edges: [expect.stringMatching(/^http:/)],
      claims: { amount: '1000', asset: 'USDC', st: 'settled', iss: told.edges[0] },
      answer: { report: 'weather', paymentId: told.claims.jti },
    })
  })
})

describe('npm run dev', () => {
  it('explains itself', async ({ expect }) => {
    const { exit, out } = await run('npm run -s dev -- --help')
    expect(exit).toBe(0)
    expect(out).toContain('--once')
  })

  it.for([
    { what: 'an unknown option', line: 'npm run -s dev -- --twice', says: '--twice' },
    { what: 'no edge at all', line: 'npm run -s dev -- --edges 0', says: '--edges' },
    {
      what: 'half a service',
      line: 'UPSTASH_REDIS_REST_URL=http://127.0.0.1:9 npm run -s dev',
      says: 'UPSTASH_REDIS_REST_TOKEN',
    },
  ])('refuses $what', async ({ line, says }, { expect }) => {
    const { exit, error } = await run(line)
    expect(exit).toBe(2)
    expect(error).toContain(says)
  })

  it('keeps data and keys, gives way to a taken port, and stops whole at Ctrl-C', async ({
    expect,
    onTestFinished,
  }) => {
    const taken = await occupy(8402)
    onTestFinished(() => void taken?.close())
    const seen = await lookAt('npm run dev -- --edges 2')

    expect(seen.payments).toBe('3')
    expect(seen.mode).toBe(0o600)
    expect(seen.out).toContain('Port 8402 is taken: the provider listens on')
    expect(seen.second.exit).toBe(1)
    expect(seen.second.error).toContain(`runs here already, at ${seen.edge}`)
    expect(seen.out).toMatch(/edge 2 +http:/)
    expect(seen.error).toMatch(/Stopping\.\nStopped\.\n$/)
    expect(checkout.processes()).toEqual([])
    await expect(checkout.readDevFile()).rejects.toThrow('ENOENT')
    await expect(fetch(`${seen.edge}/health`)).rejects.toThrow('fetch failed')
  })

  it('uses the services the environment names in place of its own', async ({
    expect,
    onTestFinished,
  }) => {
    const hosted = await openHosted()
    const elsewhere = await openCheckout()
    onTestFinished(async () => void (await Promise.all([hosted.close(), elsewhere.close()])))

    const line = `${hosted.environment} npm run -s dev -- --once`
    const { exit, error } = await elsewhere.start(line).ended

    expect(exit, error).toBe(0)
    const [row] = await hosted.database.sql`select count(*)::int from ledger.payments`
    expect(row).toEqual({ count: 1 })
    expect(hosted.postgrest.trips.map(({ subject }) => subject)).toContain('settle_x402_payment')
    expect(hosted.redis.trips).not.toEqual([])
    expect(await readdir(join(elsewhere.path, '.payos'))).toEqual(['secrets.json'])
  })
})

/** A database, a gateway and a Redis that are not those of the checkout, as a shell names them. */
async function openHosted() {
  const database = await openDatabase()
  const apiKey = 'sb_publishable_spec'
  const postgrest = await startPostgrest({
    databaseUrl: database.url('authenticator'),
    jwtSecret: JWT_SECRET,
    schemas: ['api'],
    apiKeys: { [apiKey]: 'anon' },
  })
  const redis = await startRedis({ token: 'hosted' })
  const variables = {
    DATABASE_URL: database.url(),
    SUPABASE_URL: postgrest.url,
    SUPABASE_PUBLISHABLE_KEY: apiKey,
    EDGE_DATABASE_TOKEN: mintToken({ role: 'x402_edge' }),
    DRAIN_DATABASE_TOKEN: mintToken({ role: 'x402_drain' }),
    OPERATOR_TOKEN: mintToken({ role: 'x402_operator' }),
    UPSTASH_REDIS_REST_URL: redis.url,
    UPSTASH_REDIS_REST_TOKEN: redis.token,
  }
  const environment = Object.entries(variables).map(([name, value]) => `${name}='${value}'`)
  const close = async () => {
    await Promise.all([postgrest.stop(), redis.stop()])
    await database.close()
  }
  return { database, postgrest, redis, environment: environment.join(' '), close }
}

/** Starts it, looks at it, has a second one refused, and ends it as a person does. */
async function lookAt(line: string) {
  const running = checkout.start(line)
  await running.printed('Ctrl-C stops it')
  const { mode, dev } = await checkout.readDevFile()
  const [row] = await ask<{ count: string }>(dev.postgres, 'select count(*) from ledger.payments')
  const second = await run('npm run dev -- --once')
  running.signal('SIGINT')
  const ended = await running.ended
  return { payments: row?.count, mode, second, edge: dev.edge, ...ended }
}

/** Holds a port, unless something else on this machine does. */
function occupy(port: number): Promise<Server | undefined> {
  const server = createServer()
  return new Promise((resolve) => {
    server.once('error', () => resolve(undefined))
    server.listen(port, '127.0.0.1', () => resolve(server))
  })
}
