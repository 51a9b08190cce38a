import { readFile, stat } from 'node:fs/promises'
import { exportJWK, generateKeyPair } from 'jose'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { ProofKeys } from '../shared/domain/proof-keys.ts'
import { type Operated, openOperated } from './support/operated.ts'
import { callRpc, JWT_SECRET } from './support/rpc-spec.ts'
import type { Ran } from './support/tools.ts'

let operated: Operated

beforeAll(async () => {
  operated = await openOperated()
})

afterAll(() => operated?.close())

const keysIn = (text: string) => ProofKeys.parse(JSON.parse(text))
const said = ({ out, error }: Ran) => out + error
const modeOf = async (path: string) => (await stat(path)).mode & 0o777

describe('a set of proof keys', () => {
  it('is one key at first, in a file of mode 600 that is never overwritten', async ({ expect }) => {
    const path = operated.desk.path('first.json')
    const ran = await operated.admin(`proof-keys new --out ${path}`)
    const [key] = keysIn(await readFile(path, 'utf8'))
    expect(ran).toMatchObject({ exit: 0 })
    expect(said(ran)).not.toContain(key?.d)
    expect(await modeOf(path)).toBe(0o600)
    expect(await operated.admin(`proof-keys new --out ${path}`)).toMatchObject({ exit: 4 })
  })

  it('gains a key that signs in ten minutes, in the same file', async ({ expect }) => {
    const path = operated.desk.path('rotated.json')
    await operated.admin(`proof-keys new --out ${path}`)
    const ran = await operated.admin(`proof-keys rotate --keys ${path} --out ${path}`)
    const [old, next] = keysIn(await readFile(path, 'utf8'))
    expect((next?.activeAt ?? 0) - (next?.publishAt ?? 0)).toBe(600)
    expect(old).toMatchObject({
      retireAt: next?.activeAt,
      removeAt: (next?.activeAt ?? 0) + 86_400,
    })
    for (const key of [old, next]) expect(said(ran)).not.toContain(key?.d)
    const again = await operated.admin(`proof-keys rotate --keys ${path} --out ${path}`)
    expect(again).toMatchObject({ exit: 4 })
  })

  it('goes from stdin to stdout, alone, with its timeline beside it', async ({ expect }) => {
    const { out } = await operated.admin('proof-keys new')
    const words = ['proof-keys', 'rotate', '--keys', '-']
    const ran = await operated.desk.run('admin', words, { input: out })
    expect(keysIn(ran.out)).toHaveLength(2)
    expect(ran.error).toContain('in 10 min')
    expect(ran.error).toContain('in 24 h 10 min')
  })

  it('is only shown, not made, in a dry run', async ({ expect }) => {
    const { out } = await operated.admin('proof-keys new')
    const env = { PROOF_KEYS: out }
    const path = operated.desk.path('dry.json')
    const ran = await operated.admin(`proof-keys rotate --dry-run --json --out ${path}`, env)
    expect(JSON.parse(ran.out).timeline).toHaveLength(3)
    await expect(stat(path)).rejects.toThrow('ENOENT')
  })

  it('loses a leaked key, and another signs at once', async ({ expect }) => {
    const { out } = await operated.admin('proof-keys new')
    const [leaked] = keysIn(out)
    const ran = await operated.admin(`proof-keys revoke ${leaked?.kid}`, { PROOF_KEYS: out })
    const [revoked, fresh] = keysIn(ran.out)
    expect(revoked).toMatchObject({ kid: leaked?.kid, revoked: true })
    expect(fresh).toMatchObject({ activeAt: fresh?.publishAt, revoked: false })
    const nobody = await operated.admin('proof-keys revoke nobody', { PROOF_KEYS: out })
    expect(nobody).toMatchObject({ exit: 4 })
  })

  it('shows no private part', async ({ expect }) => {
    const { out } = await operated.admin('proof-keys new')
    const shown = await operated.admin('proof-keys show --json', { PROOF_KEYS: out })
    expect(shown).toMatchObject({ exit: 0 })
    expect(said(shown)).not.toContain(keysIn(out)[0]?.d)
  })
})

describe('role tokens', () => {
  const ask = (token: string, name: string, args = {}) =>
    callRpc(operated.postgrest.url, name, { args, headers: { authorization: `Bearer ${token}` } })
  const owner = { owner_id: 'a0000000-0000-4000-8000-000000000001', name: 'Ada' }

  it('open to each role its own functions and no other', async ({ expect }) => {
    const ran = await operated.admin('tokens mint --json', { SUPABASE_JWT_SECRET: JWT_SECRET })
    const { tokens } = JSON.parse(ran.out)
    const statuses = async (token: string) => [
      (await ask(token, 'put_x402_owner', owner)).status,
      (await ask(token, 'roll_up_x402_credits')).status,
      (await ask(token, 'get_x402_endpoint', { endpoint_id: owner.owner_id })).status,
    ]
    expect(await statuses(tokens.x402_operator)).toEqual([204, 200, 403])
    expect(await statuses(tokens.x402_drain)).toEqual([403, 200, 403])
    expect(await statuses(tokens.x402_edge)).toEqual([403, 403, 200])
  })

  it.for(['ES256', 'EdDSA', 'RS256'])(
    'are signed with %s by a key with a name',
    async (alg, { expect }) => {
      const pair = await generateKeyPair(alg, { extractable: true })
      const jwk = { ...(await exportJWK(pair.privateKey)), kid: 'standby' }
      const words = ['tokens', 'mint', '--jwk', '-', '--json']
      const ran = await operated.desk.run('admin', words, { input: JSON.stringify(jwk) })
      const { tokens } = JSON.parse(ran.out)
      const known = { ...(await exportJWK(pair.publicKey)), kid: 'standby' }
      operated.postgrest.replaceKeys({ jwtSecret: JWT_SECRET, jwks: [known] })
      expect(await ask(tokens.x402_operator, 'put_x402_owner', owner)).toMatchObject({
        status: 204,
      })
      operated.postgrest.replaceKeys({ jwtSecret: JWT_SECRET })
      expect(await ask(tokens.x402_operator, 'put_x402_owner', owner)).toMatchObject({
        status: 401,
      })
    },
  )

  it('are kept in a file, and shown by their life alone', async ({ expect }) => {
    const path = operated.desk.path('tokens.env')
    const env = { SUPABASE_JWT_SECRET: JWT_SECRET }
    const minted = await operated.admin(`tokens mint --days 5 --out ${path}`, env)
    const shown = await operated.admin(`tokens show --file ${path}`)
    expect(shown.out).toContain('5 days, mint new ones')
    expect(await modeOf(path)).toBe(0o600)
    expect(said(minted) + said(shown)).not.toMatch(/eyJ/)
  })

  it.for([
    ['no key at all', {}],
    ['a short secret', { SUPABASE_JWT_SECRET: 'short' }],
    ['a public key', { SUPABASE_JWT_JWK: '{"kty":"EC","crv":"P-256","x":"a","y":"b","kid":"k"}' }],
    ['a key without a name', { SUPABASE_JWT_JWK: '{"kty":"EC","crv":"P-256","d":"a"}' }],
  ] as const)('are not minted with %s', async ([, env], { expect }) => {
    expect(await operated.admin('tokens mint', env)).toMatchObject({ exit: 2, out: '' })
  })
})
