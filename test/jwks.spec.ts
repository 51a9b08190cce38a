import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { makeProofKey } from '../local/secrets.ts'
import { type ProofKeyPair, proofKeyOf, signToken, takeApart } from './support/proof-forge.ts'
import { waitedFor } from './support/trips.ts'
import { type Agent, type Endpoint, openWorld, type World } from './support/world.ts'

const PATH = '/.well-known/jwks.json'
const MINUTE = 60

let world: World
let agent: Agent
let endpoint: Endpoint

beforeAll(async () => {
  world = await openWorld()
  ;[agent, endpoint] = [await world.agent(), await world.endpoint()]
})
afterAll(() => world.close())

const nowSeconds = () => Math.floor(world.payos.clock.now() / 1000)

const published = async (): Promise<JSONWebKeySet> => (await world.get(PATH)).body

const freshProof = async (): Promise<string> => (await world.pay(agent, endpoint)).body.proof

/** As a provider with this copy of the keys checks a proof: by JOSE alone, calling nobody. */
const verifiesWith = (copy: JSONWebKeySet, proof: string) =>
  jwtVerify(proof, createLocalJWKSet(copy), {
    issuer: world.payos.issuer,
    audience: endpoint.provider.id,
    typ: 'payos-proof+jwt',
    algorithms: ['EdDSA'],
    currentDate: new Date(world.payos.clock.now()),
  }).then(
    () => true,
    () => false,
  )

describe('GET /.well-known/jwks.json', () => {
  it('shows the public members of each key and nothing else', async ({ expect }) => {
    const { kid, x } = proofKeyOf(world)
    const answer = await world.get(PATH)

    expect(answer.body).toEqual({
      keys: [{ kty: 'OKP', crv: 'Ed25519', x, kid, use: 'sig', alg: 'EdDSA' }],
    })
    expect(waitedFor(answer)).toEqual([])
  })

  it('may be kept five minutes, and a day while the edge is away', async ({ expect }) => {
    const { headers } = await world.get(PATH)
    expect(headers.get('content-type')).toBe('application/jwk-set+json')
    expect(headers.get('cache-control')).toBe('public, max-age=300, stale-if-error=86400')
    expect(headers.get('access-control-allow-origin')).toBe('*')
    expect(headers.get('etag')).toMatch(/^"[0-9a-f]{32}"$/)
  })

  it('is not sent again to who has it', async ({ expect }) => {
    const { headers } = await world.get(PATH)
    const etag = headers.get('etag') ?? ''
    for (const known of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const again = await world.get(PATH, { headers: { 'if-none-match': known } })
      expect([again.status, again.text, again.headers.get('etag')]).toEqual([304, '', etag])
      expect(again.headers.get('cache-control')).toContain('max-age=300')
    }
    expect((await world.get(PATH, { headers: { 'if-none-match': '"other"' } })).status).toBe(200)
  })
})

describe('a rotation', () => {
  /** Ten minutes of notice, an hour of signing, a day of retirement; then the second key alone. */
  const begins = 5 * MINUTE
  const switches = begins + 10 * MINUTE
  const removed = switches + 1440 * MINUTE

  let [old, next]: ProofKeyPair[] = []
  let start = 0

  beforeAll(async () => {
    start = nowSeconds()
    const [first, second] = [await makeProofKey(start), await makeProofKey(start)]
    ;[old, next] = [first, second]
    const keys = [
      { ...second, publishAt: start + begins, activeAt: start + switches },
      { ...first, retireAt: start + switches, removeAt: start + removed },
    ]
    await world.payos.edges.setBindings({ PROOF_KEYS: JSON.stringify(keys) })
  })

  const moveTo = (seconds: number) =>
    world.advance(Math.max(0, (start + seconds) * 1000 - world.payos.clock.now()))

  it('refuses no proof made now to a copy of the keys up to five minutes old', async ({
    expect,
  }) => {
    const copies: { at: number; keys: JSONWebKeySet }[] = []
    const stages: string[] = []
    const minutes = Array.from({ length: 31 }, (_, at) => at)
    const last = Array.from({ length: 13 }, (_, at) => removed / MINUTE - 6 + at)

    for (const minute of [...minutes, ...last]) {
      await moveTo(minute * MINUTE)
      copies.push({ at: minute, keys: await published() })
      const proof = await freshProof()
      const fresh = copies.filter(({ at }) => at >= minute - 5)
      for (const { keys } of fresh) expect(await verifiesWith(keys, proof)).toBe(true)
      expect((await world.verify({ proof })).body.valid).toBe(true)
      const signer = takeApart(proof, proofKeyOf(world)).header['kid'] === old?.kid ? 'old' : 'next'
      stages.push(`${signer} of ${copies.at(-1)?.keys.keys.length}`)
    }

    expect([...new Set(stages)]).toEqual(['old of 1', 'old of 2', 'next of 2', 'next of 1'])
    const kids = copies.map(({ keys }) => keys.keys.map(({ kid }) => kid).join())
    const [both] = new Set(kids.filter((it) => it.includes(',')))
    expect(both).toBe([old?.kid, next?.kid].join())
    expect(new Set(kids).size).toBe(3)
  })

  it('ends what the old key may say at its retirement', async ({ expect }) => {
    const keys = [
      { ...old, publishAt: start, activeAt: start, retireAt: nowSeconds() - 200 },
      { ...next, publishAt: start, activeAt: nowSeconds() - 200 },
    ]
    await world.payos.edges.setBindings({ PROOF_KEYS: JSON.stringify(keys) })
    const { header, claims } = takeApart(await freshProof(), next as ProofKeyPair)
    const reasonFor = async (by: ProofKeyPair | undefined, iat: number) => {
      if (!by) throw new Error('there is no such key')
      const said = { ...claims, iat, exp: iat + 120, rdm: iat + 900 }
      const proof = signToken({ ...header, kid: by.kid }, said, by)
      return (await world.verify({ proof })).body.reason ?? 'valid'
    }

    expect(await reasonFor(old, nowSeconds())).toBe('proof_key_unknown')
    expect(await reasonFor(old, nowSeconds() - 100)).toBe('proof_key_unknown')
    expect(await reasonFor(old, nowSeconds() - 201)).toBe('proof_expired')
    expect(await reasonFor(next, nowSeconds())).toBe('valid')
    expect(await reasonFor(next, nowSeconds() - 300)).toBe('proof_key_unknown')
  })
})

describe('a key', () => {
  const set = (...keys: object[]) =>
    world.payos.edges.setBindings({ PROOF_KEYS: JSON.stringify(keys) })

  it('that was revoked is gone at once, with all it signed', async ({ expect }) => {
    const [bad, good] = [await makeProofKey(nowSeconds()), await makeProofKey(nowSeconds())]
    await set(bad)
    const proof = await freshProof()
    const retireAt = nowSeconds()
    await set({ ...bad, revoked: true, retireAt, removeAt: retireAt + 86_400 }, good)

    expect((await published()).keys.map(({ kid }) => kid)).toEqual([good.kid])
    expect((await world.verify({ proof })).body.reason).toBe('key_revoked')
    expect((await world.verify({ proof: await freshProof() })).body.valid).toBe(true)
  })

  it('that is only announced vouches for nothing yet', async ({ expect }) => {
    const [now, later] = [await makeProofKey(nowSeconds()), await makeProofKey(nowSeconds())]
    await set(now, { ...later, activeAt: nowSeconds() + 600 })
    const { header, claims } = takeApart(await freshProof(), now)

    const early = signToken({ ...header, kid: later.kid }, claims, later)

    expect((await world.verify({ proof: early })).body.reason).toBe('proof_key_unknown')
  })

  it('must be there to sign before anything is charged', async ({ expect }) => {
    const key = await makeProofKey(nowSeconds())
    const retireAt = nowSeconds() - 60
    await set({ ...key, retireAt, removeAt: retireAt + 86_400 })
    const before = await world.balanceOf(agent)

    const answer = await world.pay(agent, endpoint)

    expect([answer.status, answer.body.code]).toEqual([503, 'dependency_unavailable'])
    expect(answer.body.detail).toContain('nothing is charged')
    expect(await world.balanceOf(agent)).toBe(before)
    expect((await world.get('/ready')).status).toBe(503)
  })
})
