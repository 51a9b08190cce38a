import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, inject, it } from 'vitest'
import { withAdmin } from '../local/database/connect.ts'
import { dropDatabase } from '../local/database.ts'
import { postgresFromUrl } from '../local/postgres.ts'
import { seeded } from '../local/seeded.ts'
import { firstProofKeys } from '../shared/domain/proof-key-rotation.ts'
import { makeKeyPair } from '../tools/cli/key-pair.ts'
import { openDatabase, type SpecDatabase } from './support/postgres.ts'
import { type Desk, openDesk } from './support/tools.ts'

const secrets = {
  SUPABASE_PUBLISHABLE_KEY: `sb_publishable_${randomBytes(12).toString('hex')}`,
  SUPABASE_JWT_SECRET: randomBytes(32).toString('hex'),
  UPSTASH_REDIS_REST_TOKEN: randomBytes(24).toString('hex'),
  QSTASH_TOKEN: randomBytes(24).toString('hex'),
  QSTASH_CURRENT_SIGNING_KEY: `sig_${randomBytes(14).toString('hex')}`,
  QSTASH_NEXT_SIGNING_KEY: `sig_${randomBytes(14).toString('hex')}`,
  METRICS_TOKEN: randomBytes(24).toString('hex'),
  PROOF_KEYS: JSON.stringify(
    firstProofKeys(await makeKeyPair(), Math.floor(Date.now() / 1000) - 60),
  ),
}

const server = postgresFromUrl(inject('postgres').superuserUrl)
const empty = `spec_${randomBytes(6).toString('hex')}`
let database: SpecDatabase
let desk: Desk
let complete: Record<string, string>

beforeAll(async () => {
  database = await openDatabase()
  desk = await openDesk()
  await withAdmin(server.url('postgres'), (sql) => sql`create database ${sql(empty)}`)
  complete = {
    ...secrets,
    ENVIRONMENT: 'live',
    ISSUER: 'https://edge.example',
    SUPABASE_URL: 'https://project.supabase.example',
    UPSTASH_REDIS_REST_URL: 'https://redis.upstash.example',
    QSTASH_URL: 'https://qstash.upstash.example',
    DATABASE_URL: database.url(),
  }
})

afterAll(async () => {
  await dropDatabase(server, empty)
  await Promise.all([desk?.close(), database?.close()])
})

const deploy = (words: string[], env: object = {}) =>
  desk.run('deploy', words, { env: { ...complete, ...env } })

const stepsOf = (out: string) => JSON.parse(out).steps.map(({ step }: { step: string }) => step)

describe('a dry run of a deployment', () => {
  it('bundles, tells each step in order, and shows no secret', async ({ expect }) => {
    const ran = await deploy(['--dry-run', '--json'])
    expect(ran).toMatchObject({ exit: 0 })
    expect(stepsOf(ran.out)).toEqual(['migrations', 'secrets', 'code', 'smoke'])
    expect(ran.out).toMatch(/bundled, Total Upload: [\d.]+ KiB/)
    expect(ran.out).toContain('wrangler deploy --name payos-x402-edge-live')
    expect(ran.out).toContain('--domain edge.example')
    expect(ran.error).toContain('none pending')
    const proofKey = JSON.parse(secrets.PROOF_KEYS)[0].d
    for (const secret of [...Object.values(secrets), proofKey, 'eyJ']) {
      expect(ran.out + ran.error).not.toContain(secret)
    }
  })

  it('shows each pending migration by its own words, and applies none', async ({ expect }) => {
    const ran = await deploy(['--dry-run'], { DATABASE_URL: server.url(empty) })
    expect(ran).toMatchObject({ exit: 0 })
    expect(ran.error).toContain('20261120000001_roles\n  Roles, schemas')
    expect(ran.error.match(/^ {2}Undo: /gm)?.length).toBeGreaterThanOrEqual(7)
    const tables = await withAdmin(
      server.url(empty),
      (sql) => sql`select from pg_namespace where nspname in ('ledger', 'supabase_migrations')`,
    )
    expect(tables).toHaveLength(0)
  })

  it('of the secrets alone leaves database and code alone', async ({ expect }) => {
    const ran = await deploy(['--dry-run', '--json', '--only', 'secrets'], { DATABASE_URL: '' })
    expect(stepsOf(ran.out)).toEqual(['secrets', 'smoke'])
  })
})

describe('a deployment', () => {
  it('is told everything it misses at once, by name', async ({ expect }) => {
    const ran = await desk.run('deploy', [])
    expect(ran).toMatchObject({ exit: 2, out: '' })
    for (const name of [...Object.keys(complete), 'CLOUDFLARE_API_TOKEN']) {
      if (name !== 'SUPABASE_JWT_SECRET') expect(ran.error).toContain(`  ${name} `)
    }
  })

  it('refuses public test values where money is', async ({ expect }) => {
    const ran = await deploy(['--dry-run'], { METRICS_TOKEN: seeded.providers.weather.apiKey })
    expect(ran).toMatchObject({ exit: 2 })
    expect(ran.error).toMatch(/METRICS_TOKEN +is a public test value/)
    expect(ran.error).not.toContain(seeded.providers.weather.apiKey)
  })

  it('applies no migration that nobody agreed to', async ({ expect }) => {
    const cloudflare = { CLOUDFLARE_API_TOKEN: 'none', CLOUDFLARE_ACCOUNT_ID: 'none' }
    const ran = await deploy([], { DATABASE_URL: server.url(empty), ...cloudflare })
    expect(ran).toMatchObject({ exit: 4 })
    expect(ran.error).toContain('add --yes')
  })

  it('goes back to the code before', async ({ expect }) => {
    const ran = await deploy(['--rollback', 'code', '--version', 'some-version', '--dry-run'])
    expect(ran.out).toMatch(/wrangler rollback some-version --name payos-x402-edge-live .*--yes/)
  })

  it('says how a migration is taken back, newer ones first', async ({ expect }) => {
    const ran = await desk.run('deploy', ['--rollback', '20261120000006'])
    expect(ran).toMatchObject({ exit: 0 })
    expect(ran.out).toContain('Undo: drop the functions.')
    expect(ran.out).toContain('stop the edge from paying: take its hostname off the Worker')
    expect(ran.out).toContain('newest first: ')
    expect(ran.out).toContain("where version = '20261120000006'")
    expect(await desk.run('deploy', ['--rollback', 'nothing'])).toMatchObject({ exit: 2 })
  })
})
