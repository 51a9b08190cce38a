import { createHmac } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, it } from 'vitest'
import {
  assemble,
  type ProofParts,
  proofKeyOf,
  segment,
  signToken,
  strangeKey,
  takeApart,
} from './support/proof-forge.ts'
import { type Agent, type Endpoint, openWorld, type World } from './support/world.ts'

const RESOURCE = 'https://api.example/weather?city=lima'

let world: World
let agent: Agent
let endpoint: Endpoint
let token: string
let genuine: ProofParts

beforeAll(async () => {
  world = await openWorld()
  ;[agent, endpoint] = [await world.agent({ signs: true }), await world.endpoint()]
})
beforeEach(async () => {
  const paid = await world.pay(agent, endpoint, { body: { resource: RESOURCE } })
  token = paid.body.proof
  genuine = takeApart(token, proofKeyOf(world))
})
afterAll(async () => {
  await world.close()
})

/** What its provider would ask about the request in hand. */
const expectation = () => ({
  endpointId: endpoint.id,
  method: 'GET',
  resource: RESOURCE,
  amount: '0.001',
})

async function verdict(proof: string): Promise<string> {
  const { status, body } = await world.verify({ proof, ...expectation() })
  return status === 200 ? (body.reason ?? 'valid') : `${status} ${body.param}`
}

const withHeader = (header: Record<string, unknown>) =>
  assemble({ ...genuine, header: { ...genuine.header, ...header } })

/** The segments of the genuine proof, one of them replaced. */
const withSegment = (at: 0 | 1 | 2, change: (part: string) => string) =>
  token
    .split('.')
    .map((part, index) => (index === at ? change(part) : part))
    .join('.')

const last = (text: string, by: (code: string) => string) => text.slice(0, -1) + by(text.slice(-1))

/** The next character: the first two bits of a signature's last one count, the other four do not. */
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const shifted = (by: number) => (letter: string) =>
  ALPHABET.charAt((ALPHABET.indexOf(letter) + by) % 64)

describe('a proof is refused by its form', () => {
  it.for<[string, () => string, string]>([
    ['a space before it', () => ` ${token}`, 'proof_malformed'],
    ['a newline after it', () => `${token}\n`, 'proof_malformed'],
    [
      'a space inside it',
      () => withSegment(2, (s) => `${s.slice(0, 9)} ${s.slice(9)}`),
      'proof_malformed',
    ],
    ['padding', () => `${token}==`, 'proof_malformed'],
    ['the other base64 alphabet', () => withSegment(2, () => '+/'.repeat(43)), 'proof_malformed'],
    ['a last character of the same bytes', () => last(token, shifted(1)), 'proof_malformed'],
    ['a last character of other bytes', () => last(token, shifted(16)), 'proof_signature_invalid'],
    [
      'an altered claim',
      () => withSegment(1, (s) => `${s.slice(0, 40)}${shifted(1)(s.charAt(40))}${s.slice(41)}`),
      'proof_signature_invalid',
    ],
    ['a signature of zeros', () => withSegment(2, () => 'A'.repeat(86)), 'proof_signature_invalid'],
    ['an empty signature', () => withSegment(2, () => ''), 'proof_malformed'],
    ['a fourth segment', () => `${token}.`, 'proof_malformed'],
    [
      'more than 4 KiB',
      () => signToken(genuine.header, { ...genuine.claims, note: 'n'.repeat(4096) }, genuine.key),
      'proof_malformed',
    ],
    ['the text proofs of earlier releases', () => 'payos:42:test-perf-123', 'proof_malformed'],
    [
      'another key',
      () => assemble({ ...genuine, header: { ...genuine.header, kid: 'A'.repeat(43) } }),
      'proof_key_unknown',
    ],
    [
      'a repeated claim',
      () =>
        signToken(
          genuine.header,
          JSON.stringify(genuine.claims).replace('{', '{"amount":"1",'),
          genuine.key,
        ),
      'proof_malformed',
    ],
    [
      'a repeated header member',
      () =>
        signToken(
          JSON.stringify(genuine.header).replace('{', '{"alg":"none",'),
          genuine.claims,
          genuine.key,
        ),
      'proof_malformed',
    ],
    [
      'claims that are a list',
      () => signToken(genuine.header, [genuine.claims], genuine.key),
      'proof_malformed',
    ],
    [
      'claims that are no JSON',
      () => signToken(genuine.header, 'amount=1000', genuine.key),
      'proof_malformed',
    ],
  ])('%s: %s', async ([, forged, reason], { expect }) => {
    expect(await verdict(forged())).toBe(reason)
  })

  it.for<[string, Record<string, unknown>]>([
    ['alg', { alg: 'ES256' }],
    ['alg', { alg: 'eddsa' }],
    ['alg', { alg: 'Ed25519' }],
    ['alg', { alg: undefined }],
    ['typ', { typ: 'JWT' }],
    ['typ', { typ: 'at+jwt' }],
    ['typ', { typ: undefined }],
    ['kid', { kid: undefined }],
    ['kid', { kid: '../keys/1' }],
    ['kid', { kid: ['A'] }],
    ['jwk', { jwk: { kty: 'OKP', crv: 'Ed25519', x: 'A'.repeat(43) } }],
    ['jku', { jku: 'https://keys.example/jwks.json' }],
    ['x5u', { x5u: 'https://keys.example/cert' }],
    ['x5c', { x5c: ['MIIB'] }],
    ['crit', { crit: ['exp'] }],
    ['b64', { b64: false, crit: ['b64'] }],
    ['cty', { cty: 'JWT' }],
    ['zip', { zip: 'DEF' }],
  ])('header member %s: %o', async ([, header], { expect }) => {
    expect(await verdict(withHeader(header))).toBe('proof_malformed')
  })

  it.for(['none', 'NoNe', 'HS256'])('unsigned under alg %s', async (alg, { expect }) => {
    const input = `${segment({ ...genuine.header, alg })}.${segment(genuine.claims)}`
    expect(await verdict(`${input}.`)).toBe('proof_malformed')
    expect(await verdict(`${input}.${'A'.repeat(86)}`)).toBe('proof_malformed')
  })

  it('signed by HMAC with a public text of ours as the secret', async ({ expect }) => {
    const jwks = await world.get('/.well-known/jwks.json')
    const [jwk] = jwks.body.keys
    const der = Buffer.concat([
      Buffer.from('302a300506032b6570032100', 'hex'),
      Buffer.from(jwk.x, 'base64url'),
    ])
    const pem = (end: string) =>
      `-----BEGIN PUBLIC KEY-----\n${der.toString('base64')}\n-----END PUBLIC KEY-----${end}`
    const minimal = { crv: jwk.crv, kty: jwk.kty, x: jwk.x }
    const secrets = [
      jwks.text,
      JSON.stringify(jwk),
      JSON.stringify(jwk, null, 2),
      JSON.stringify(minimal),
      jwk.x,
      jwk.kid,
      Buffer.from(jwk.x, 'base64url'),
      der,
      pem(''),
      pem('\n'),
      '',
      'secret',
    ]
    for (const secret of secrets) {
      for (const [alg, hash] of [
        ['HS256', 'sha256'],
        ['HS512', 'sha512'],
        ['EdDSA', 'sha512'],
      ]) {
        const input = `${segment({ ...genuine.header, alg })}.${segment(genuine.claims)}`
        const mac = createHmac(`${hash}`, secret).update(input).digest('base64url')
        const refused = alg === 'EdDSA' ? 'proof_signature_invalid' : 'proof_malformed'
        expect(await verdict(`${input}.${mac}`)).toBe(refused)
      }
    }
  })

  it('signed by a key its header brings along', async ({ expect }) => {
    const key = await strangeKey()
    const jwk = { kty: 'OKP', crv: 'Ed25519', x: key.x }
    const alone = { ...genuine, key, header: { ...genuine.header, kid: key.kid } }
    expect(await verdict(assemble(alone))).toBe('proof_key_unknown')
    expect(await verdict(assemble({ ...genuine, key }))).toBe('proof_signature_invalid')
    const brought = { ...alone, header: { ...alone.header, jwk } }
    expect(await verdict(assemble(brought))).toBe('proof_malformed')
  })
})
