import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { SignJWT } from 'jose'
import { afterAll, beforeAll, describe, it } from 'vitest'
import {
  assemble,
  type ProofParts,
  proofKeyOf,
  strangeKey,
  takeApart,
} from '../support/proof-forge.ts'
import { waitedFor } from '../support/trips.ts'
import { type Agent, type Endpoint, openWorld, type World } from '../support/world.ts'

let world: World
let agent: Agent
let endpoint: Endpoint
let proof: string
let genuine: ProofParts

beforeAll(async () => {
  world = await openWorld({ bindings: { QSTASH_CURRENT_SIGNING_KEY: 'sig_of_this_spec' } })
  ;[agent, endpoint] = [await world.agent(), await world.endpoint()]
  proof = (await world.pay(agent, endpoint)).body.proof
  genuine = takeApart(proof, proofKeyOf(world))
})
afterAll(() => world.close())

const hmac = (claims: Record<string, unknown>, secret: string) =>
  new SignJWT(claims)
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setIssuedAt()
    .setExpirationTime('5m')
    .sign(new TextEncoder().encode(secret))

describe('T15: a key that a proof brings along', () => {
  it('is not fetched and signs nothing', async ({ expect }) => {
    const visits: string[] = []
    const server = createServer((request, response) => {
      visits.push(String(request.url))
      response.end('{"keys":[]}')
    }).listen(0)
    await once(server, 'listening')
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`
    const key = await strangeKey()
    const jwk = { kty: 'OKP', crv: 'Ed25519', x: key.x }

    for (const brought of [{ jku: url }, { x5u: url }, { jwk }, { kid: url }, { jku: url, jwk }]) {
      const header = { ...genuine.header, kid: key.kid, ...brought }
      const forged = assemble({ ...genuine, header, key })
      const { apiKey } = endpoint.provider
      const answers = [
        await world.verify({ proof: forged }),
        await world.verify({ proof: forged, endpointId: endpoint.id }, { key: apiKey }),
      ]
      for (const { body } of answers) {
        expect(body).toMatchObject({ valid: false, reason: 'proof_malformed' })
      }
      expect(answers.flatMap(waitedFor)).toEqual([])
    }
    expect(visits).toEqual([])
    server.close()
  })
})

describe('T16: a token of one kind', () => {
  it.for<[string, () => string | Promise<string>]>([
    ["the edge's database token", () => world.payos.secrets.edgeToken],
    ["the operator's database token", () => world.payos.secrets.operatorToken],
    ['the metrics token', () => world.payos.secrets.metricsToken],
    ['an agent key', () => agent.apiKey],
    [
      'a signature of the queue',
      () => hmac({ iss: 'Upstash', sub: world.payos.issuer, jti: 'a' }, 'sig_of_this_spec'),
    ],
    [
      'an access token by the key of proofs',
      () => assemble({ ...genuine, header: { ...genuine.header, typ: 'at+jwt' } }),
    ],
    [
      'a token by the key of proofs, without a type',
      () => assemble({ ...genuine, header: { alg: 'EdDSA', kid: genuine.header['kid'] } }),
    ],
  ])('is no proof: %s', async ([, token], { expect }) => {
    const { body } = await world.verify({ proof: await token() })
    expect(body).toMatchObject({ valid: false, reason: 'proof_malformed' })
  })

  it.for<[string, () => string | Promise<string>]>([
    ['a proof', () => proof],
    ["the edge's database token", () => world.payos.secrets.edgeToken],
    ['the metrics token', () => world.payos.secrets.metricsToken],
    ['a signature of the queue', () => hmac({ iss: 'Upstash' }, 'sig_of_this_spec')],
  ])('is no API key: %s', async ([, token], { expect }) => {
    const paid = await world.pay(agent, endpoint, { key: await token() })
    expect([paid.status, paid.body.code]).toEqual([401, 'key_invalid'])
    expect(waitedFor(paid)).toEqual([])
  })

  it.for<[string, () => string]>([
    ['a proof', () => proof],
    ['an agent key', () => agent.apiKey],
    ['a provider key', () => endpoint.provider.apiKey],
    ["the edge's database token", () => world.payos.secrets.edgeToken],
  ])('shows no metrics: %s', async ([, token], { expect }) => {
    const answer = await world.get('/v1/metrics', { key: token() })
    expect([answer.status, answer.body.code]).toEqual([401, 'key_invalid'])
  })
})

describe('T18: proofs by 1 000 unknown keys', () => {
  it('are refused without a trip, and remembered by nobody', async ({ expect }) => {
    const forged = Array.from({ length: 1_000 }, () =>
      assemble({
        ...genuine,
        header: { ...genuine.header, kid: randomBytes(32).toString('base64url') },
      }),
    )
    for (let at = 0; at < forged.length; at += 50) {
      const answers = await Promise.all(
        forged.slice(at, at + 50).map((token) => world.verify({ proof: token })),
      )
      expect(answers.flatMap(waitedFor)).toEqual([])
      expect(new Set(answers.map(({ body }) => body.reason))).toEqual(
        new Set(['proof_key_unknown']),
      )
    }
    expect((await world.verify({ proof })).body.valid).toBe(true)
  })
})
