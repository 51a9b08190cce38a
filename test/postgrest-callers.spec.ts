import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, it } from 'vitest'
import type { PostgrestOptions, PostgrestStandIn } from '../local/stand-ins/postgrest/index.ts'
import { openDatabase, type SpecDatabase } from './support/postgres.ts'
import { applyFixtures, callRpc, JWT_SECRET, mintToken, startRpcSpec } from './support/rpc-spec.ts'

let database: SpecDatabase
const started: PostgrestStandIn[] = []

beforeAll(async () => {
  database = await openDatabase()
  await applyFixtures(database.url())
})

afterEach(async () => {
  await Promise.all(started.splice(0).map((it) => it.stop()))
})

afterAll(() => database.close())

async function start(options: Partial<PostgrestOptions> = {}) {
  const standIn = await startRpcSpec(database.url('authenticator'), options)
  started.push(standIn)
  return standIn
}

const whoami = (base: string, headers: Record<string, string>) =>
  callRpc(base, 'whoami', { headers })

const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

const es256 = () => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return { privateKey, jwk: { ...publicKey.export({ format: 'jwk' }), kid: 'k1', alg: 'ES256' } }
}

function signed(privateKey: KeyObject, kid: string): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const input = `${part({ alg: 'ES256', kid })}.${part({ role: 'service_role' })}`
  const how = { key: privateKey, dsaEncoding: 'ieee-p1363' as const }
  return `${input}.${sign('sha256', Buffer.from(input), how).toString('base64url')}`
}

describe('role tokens', () => {
  it('end by the moved clock, with 30 s of grace', async ({ expect }) => {
    const standIn = await start()
    const exp = Math.floor(standIn.clock.now() / 1000) + 60
    const headers = bearer(mintToken({ role: 'authenticated', exp }))
    const statuses = []

    for (const ms of [0, 85_000, 10_000]) {
      standIn.clock.advance(ms)
      statuses.push((await whoami(standIn.url, headers)).status)
    }

    expect(statuses).toEqual([200, 200, 401])
  })

  it('are accepted from an asymmetric key, by its name', async ({ expect }) => {
    const { privateKey, jwk } = es256()
    const standIn = await start({ jwks: [jwk] })

    const right = await whoami(standIn.url, bearer(signed(privateKey, 'k1')))
    const unnamed = await whoami(standIn.url, bearer(signed(privateKey, 'k2')))

    expect([right.status, right.body]).toEqual([200, 'service_role'])
    expect([unnamed.status, unnamed.body]).toMatchObject([
      401,
      { code: 'PGRST301', details: 'No suitable key was found to decode the JWT' },
    ])
  })

  it('are accepted from a standby shared secret', async ({ expect }) => {
    const secret = 'a standby secret of more than thirty-two bytes'
    const k = Buffer.from(secret).toString('base64url')
    const standIn = await start({ jwks: [{ kty: 'oct', k, kid: 'standby' }] })
    const token = mintToken({ role: 'service_role' }, { secret, kid: 'standby' })

    expect(await whoami(standIn.url, bearer(token))).toMatchObject({ body: 'service_role' })
  })

  it('are revoked by removing the key that signed them', async ({ expect }) => {
    const { privateKey, jwk } = es256()
    const standIn = await start({ jwks: [jwk] })
    const token = bearer(signed(privateKey, 'k1'))
    const before = await whoami(standIn.url, token)

    standIn.replaceKeys({ jwtSecret: JWT_SECRET })

    expect([before.status, (await whoami(standIn.url, token)).status]).toEqual([200, 401])
    expect((await whoami(standIn.url, {})).status).toBe(200)
  })

  it('are revoked by order', async ({ expect }) => {
    const standIn = await start()
    const body = JSON.stringify({ jwks: [es256().jwk] })

    await fetch(`${standIn.url}/__control/keys`, { method: 'POST', body })

    expect((await whoami(standIn.url, {})).status).toBe(401)
  })

  it('cannot be checked without any key', async ({ expect }) => {
    const standIn = await start({ jwtSecret: '' })

    const answer = await whoami(standIn.url, {})

    expect([answer.status, answer.body]).toMatchObject([500, { code: 'PGRST300' }])
  })

  it('are asked for where nobody may be anonymous', async ({ expect }) => {
    const standIn = await start({ anonymousRole: null })

    const answer = await whoami(standIn.url, { authorization: '' })

    expect([answer.status, answer.body]).toMatchObject([401, { code: 'PGRST302' }])
  })
})

describe('the platform before PostgREST', () => {
  const apiKeys = { sb_publishable_1: 'anon', sb_secret_1: 'service_role' }
  const rest = async () => `${(await start({ apiKeys })).url}/rest/v1`

  it('asks for a key', async ({ expect }) => {
    const answer = await whoami(await rest(), {})

    expect([answer.status, answer.body]).toMatchObject([
      401,
      { message: 'No API key found in request' },
    ])
  })

  it.for([
    { what: 'an unknown key', apikey: 'sb_secret_2' },
    { what: 'a role token, whoever signed it', apikey: mintToken({ role: 'authenticated' }) },
  ])('refuses $what as a key', async ({ apikey }, { expect }) => {
    const answer = await whoami(await rest(), { apikey })

    expect([answer.status, answer.body]).toMatchObject([401, { message: 'Invalid API key' }])
  })

  it.for([
    { key: 'sb_publishable_1', role: 'anon' },
    { key: 'sb_secret_1', role: 'service_role' },
    { key: mintToken({ role: 'anon' }), role: 'anon' },
  ])('takes a key for its role: $role', async ({ key, role }, { expect }) => {
    const base = await rest()

    const alone = await whoami(base, { apikey: key, authorization: '' })
    const both = await whoami(base, { apikey: key, ...bearer(key) })

    expect([alone.body, both.body]).toEqual([role, role])
  })

  it('lets a role token decide beside a key', async ({ expect }) => {
    const base = await rest()

    expect(await whoami(base, { apikey: 'sb_publishable_1' })).toMatchObject({
      status: 200,
      body: 'authenticated',
    })
  })

  it('does not stand before the bare routes', async ({ expect }) => {
    const { url } = await start({ apiKeys })

    expect((await whoami(url, bearer('sb_secret_1'))).status).toBe(401)
    expect((await whoami(url, {})).status).toBe(200)
  })

  it('hides its prefix from the function', async ({ expect }) => {
    const args = { name: 'request.path' }
    const headers = { apikey: 'sb_publishable_1' }

    expect((await callRpc(await rest(), 'guc', { args, headers })).body).toBe('/rpc/guc')
  })
})
