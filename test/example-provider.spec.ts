import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { CompactSign, decodeJwt, importJWK } from 'jose'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { createProvider } from '../examples/provider/provider.ts'
import { type Agent, type Endpoint, openWorld, type World } from './support/world.ts'

let world: World
let server: Server
let origin: string
let agent: Agent
let endpoint: Endpoint

beforeAll(async () => {
  world = await openWorld()
  const edge = world.payos.edges.edges[0]?.url ?? ''
  await world.payos.edges.setBindings({ ISSUER: edge })
  server = createServer().listen(0, '127.0.0.1')
  await new Promise((listening) => server.once('listening', listening))
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  agent = await world.agent()
  endpoint = await world.endpoint({ url: `${origin}/weather` })
  const { id, provider } = endpoint
  const routes = { '/weather': id, '/lost': crypto.randomUUID() }
  server.on('request', createProvider({ edge, origin, providerId: provider.id, routes }))
})
afterAll(async () => {
  server.close()
  await world.close()
})

/** Pays for the endpoint and answers the proof. */
async function buy(resource = `${origin}/weather`): Promise<string> {
  const paid = await world.pay(agent, endpoint, { body: { resource } })
  return paid.body.proof
}

/** The claims of a good proof with some of them otherwise, signed by the edge's own key. */
async function forge(change: object, header: object = {}): Promise<string> {
  const claims = { ...decodeJwt(await buy()), ...change }
  const [{ kid, x, d }] = JSON.parse(world.payos.secrets.proofKeys)
  const key = await importJWK({ kty: 'OKP', crv: 'Ed25519', x, d }, 'EdDSA')
  return new CompactSign(new TextEncoder().encode(JSON.stringify(claims)))
    .setProtectedHeader({ alg: 'EdDSA', typ: 'payos-proof+jwt', kid, ...header })
    .sign(key)
}

const wrap = (proof: string) => btoa(JSON.stringify({ x402Version: 2, payload: { proof } }))

async function ask(path: string, headers: Record<string, string> = {}) {
  const response = await fetch(origin + path, { headers })
  return { status: response.status, headers: response.headers, body: await response.json() }
}

const show = (proof: string) => ask('/weather', { 'x-payment-jwt': proof })

describe('the example provider', () => {
  it('answers 402 with the price in the header and in the body', async ({ expect }) => {
    const { status, headers, body } = await ask('/weather?city=lima')
    const { hint, ...required } = body

    expect(status).toBe(402)
    expect(headers.get('cache-control')).toBe('no-store')
    expect(JSON.parse(atob(headers.get('payment-required') ?? ''))).toEqual(required)
    expect(required).toMatchObject({
      x402Version: 2,
      error: 'payment_required',
      resource: { url: `${origin}/weather?city=lima` },
      accepts: [{ scheme: 'payos-ticket', amount: '1000', asset: 'USDC' }],
    })
    expect(hint).toContain('/v1/x402/pay')
  })

  it('serves one request per payment, and waits for nobody to check it', async ({ expect }) => {
    const proof = await buy()
    const before = world.payos.postgrest.trips.length

    const answers = await Promise.all([show(proof), show(proof), show(proof)])

    expect(answers.map(({ status }) => status).sort()).toEqual([200, 402, 402])
    expect(answers.find(({ status }) => status === 402)?.body.error).toBe('proof_already_used')
    expect(world.payos.postgrest.trips).toHaveLength(before)
  })

  it('takes a proof in the header of the open standard', async ({ expect }) => {
    const served = await ask('/weather', { 'payment-signature': wrap(await buy()) })
    expect(served.status).toBe(200)
  })

  it('takes a proof for the exact URL, or for that without its query', async ({ expect }) => {
    const lima = `${origin}/weather?city=lima`
    const [exact, plain, other] = [await buy(lima), await buy(), await buy(lima)]
    const at = (path: string, proof: string) => ask(path, { 'x-payment-jwt': proof })

    expect((await at('/weather?city=lima', exact)).status).toBe(200)
    expect((await at('/weather?city=lima', plain)).status).toBe(200)
    expect((await at('/weather?city=oslo', other)).body.error).toBe('proof_wrong_resource')
  })

  it('refuses a proof that comes twice', async ({ expect }) => {
    const proof = await buy()
    const both = { 'x-payment-jwt': proof, 'payment-signature': wrap(proof) }
    expect((await ask('/weather', both)).body.error).toBe('ambiguous_proof')
    expect((await show(proof)).status).toBe(200)
  })

  const now = Math.floor(Date.now() / 1000)
  it.for([
    { change: { iss: 'https://other.example' }, reason: 'proof_wrong_issuer' },
    { change: { aud: crypto.randomUUID() }, reason: 'proof_wrong_audience' },
    { change: { eid: crypto.randomUUID() }, reason: 'proof_wrong_endpoint' },
    { change: { network: 'payos:main' }, reason: 'proof_wrong_network' },
    { change: { asset: 'EURC' }, reason: 'proof_wrong_network' },
    { change: { exp: now - 60 }, reason: 'proof_expired' },
    { change: { rdm: now - 60 }, reason: 'proof_expired' },
    { change: { iat: now + 600 }, reason: 'proof_not_yet_valid' },
    { change: { amount: '999' }, reason: 'proof_amount_low' },
    { change: { amount: '999', pv: 7 }, reason: 'proof_amount_low' },
    { change: { rsh: 'AAAAAAAAAAAAAAAAAAAAAA' }, reason: 'proof_wrong_resource' },
    { change: { st: 'held' }, reason: 'payment_not_settled' },
    { change: { lse: 'a lease' }, reason: 'payment_not_settled' },
  ])('refuses $change: $reason', async ({ change, reason }, { expect }) => {
    const { status, body } = await show(await forge(change))
    expect([status, body.error]).toEqual([402, reason])
  })

  it.for([
    { what: 'of another type', header: { typ: 'JWT' }, reason: 'proof_malformed' },
    { what: 'with more in its header', header: { jku: 'https://x' }, reason: 'proof_malformed' },
    { what: 'by an unknown key', header: { kid: 'nobody' }, reason: 'proof_key_unknown' },
  ])('refuses a proof $what', async ({ header, reason }, { expect }) => {
    expect((await show(await forge({}, header))).body.error).toBe(reason)
  })

  it.for([
    { what: 'no proof at all', alter: () => 'proof' },
    { what: 'padding', alter: (proof: string) => `${proof}=` },
    { what: 'a text too long', alter: (proof: string) => proof + 'A'.repeat(4096) },
    { what: 'no signature', alter: (proof: string) => proof.replace(/[^.]*$/, '') },
  ])('refuses $what', async ({ alter }, { expect }) => {
    expect((await show(alter(await buy()))).status).toBe(402)
  })

  it('answers 503, not 402, for what it cannot know', async ({ expect }) => {
    expect((await ask('/lost')).status).toBe(503)
  })
})
