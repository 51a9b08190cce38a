import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, it } from 'vitest'
import {
  assemble,
  type ProofParts,
  proofKeyOf,
  signToken,
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

const withClaims = (claims: Record<string, unknown>) =>
  assemble({ ...genuine, claims: { ...genuine.claims, ...claims } })

describe('the proof an edge signs', () => {
  it('carries exactly the claims that were agreed', ({ expect }) => {
    const now = world.payos.clock.now() / 1000
    expect(genuine.header).toEqual({ alg: 'EdDSA', typ: 'payos-proof+jwt', kid: genuine.key.kid })
    expect(genuine.claims).toEqual({
      iss: world.payos.issuer,
      aud: endpoint.provider.id,
      sub: agent.id,
      jti: expect.stringMatching(/^[0-9a-f-]{36}$/),
      eid: endpoint.id,
      rid: expect.stringMatching(/^[0-9a-f-]{36}$/),
      amount: '1000',
      asset: 'USDC',
      network: 'payos:test',
      rsh: expect.stringMatching(/^[\w-]{22}$/),
      st: 'settled',
      pv: 1,
      iat: expect.closeTo(now, -1),
      exp: Number(genuine.claims['iat']) + 120,
      rdm: expect.closeTo(Number(genuine.claims['iat']) + 900, -1),
      cnf: { jkt: agent.signer?.thumbprint },
    })
  })

  it('is signed again as JOSE signs it, to the byte', async ({ expect }) => {
    expect(assemble(genuine)).toBe(token)
    expect(await verdict(token)).toBe('valid')
  })

  it('names no key for an agent without one', async ({ expect }) => {
    const paid = await world.pay(await world.agent(), endpoint)
    expect(takeApart(paid.body.proof, genuine.key).claims).not.toHaveProperty('cnf')
  })

  it('names the registered URL when the agent named none', async ({ expect }) => {
    const { body } = await world.pay(agent, endpoint)
    expect(await verdict(body.proof)).toBe('valid')
    const elsewhere = { ...expectation(), resource: `${endpoint.url}/lima` }
    expect(await world.verify({ proof: body.proof, ...elsewhere })).toMatchObject({
      body: { reason: 'proof_wrong_resource' },
    })
  })
})

describe('a proof is refused by what it says', () => {
  const now = () => Math.floor(world.payos.clock.now() / 1000)

  it.for<[string, () => Record<string, unknown>, string]>([
    ['another issuer', () => ({ iss: 'https://edge.example' }), 'proof_wrong_issuer'],
    ['the issuer with a slash', () => ({ iss: `${world.payos.issuer}/` }), 'proof_wrong_issuer'],
    ['a list of audiences', () => ({ aud: [endpoint.provider.id] }), 'proof_malformed'],
    ['another endpoint', () => ({ eid: agent.id }), 'proof_wrong_endpoint'],
    ['the live network', () => ({ network: 'payos:main' }), 'proof_wrong_network'],
    ['an asset nobody has', () => ({ asset: 'USDT' }), 'proof_malformed'],
    ['one unit too little', () => ({ amount: '999' }), 'proof_amount_low'],
    ['an amount as a number', () => ({ amount: 1000 }), 'proof_malformed'],
    ['an amount with a zero before it', () => ({ amount: '01000' }), 'proof_malformed'],
    ['another resource', () => ({ rsh: 'A'.repeat(22) }), 'proof_wrong_resource'],
    ['an expiry six seconds ago', () => ({ exp: now() - 6 }), 'proof_expired'],
    ['a redemption that is over', () => ({ rdm: now() - 1 }), 'proof_expired'],
    ['an expiry as text', () => ({ exp: `${now() + 60}` }), 'proof_malformed'],
    ['an expiry with a fraction', () => ({ exp: now() + 0.5 }), 'proof_malformed'],
    ['an expiry before 1970', () => ({ exp: -1 }), 'proof_malformed'],
    ['an issue 70 s ahead', () => ({ iat: now() + 70 }), 'proof_not_yet_valid'],
    ['an issue before its key signed', () => ({ iat: now() - 7200 }), 'proof_key_unknown'],
    ['a state that covers nothing', () => ({ st: 'voided' }), 'proof_malformed'],
    ['a price version of nothing', () => ({ pv: 0 }), 'proof_malformed'],
  ])('%s: %s', async ([, claims, reason], { expect }) => {
    expect(await verdict(withClaims(claims()))).toBe(reason)
  })

  it('an expiry that is no finite number', async ({ expect }) => {
    const claims = JSON.stringify(genuine.claims).replace(/"exp":\d+/, '"exp":1e400')
    expect(await verdict(signToken(genuine.header, claims, genuine.key))).toBe('proof_malformed')
  })
})

/** What each claim may say, told once more, and things it may not. */
const seconds = (ahead: number) => Math.floor(world.payos.clock.now() / 1000) + ahead

type Rule = { holds: (value: unknown) => boolean; others: () => unknown[] }

const isText = (value: unknown) => typeof value === 'string'
const isSecond = (value: unknown) => Number.isSafeInteger(value) && Number(value) >= 0
const is = (expected: () => unknown) => (value: unknown) => value === expected()

const rules: Record<string, Rule> = {
  iss: { holds: is(() => world.payos.issuer), others: () => ['https://edge.example', ''] },
  aud: { holds: isText, others: () => [agent.id] },
  sub: { holds: isText, others: () => [endpoint.id] },
  jti: { holds: (it) => /^[0-9a-f-]{36}$/.test(`${it}`), others: () => ['42', agent.id] },
  eid: { holds: is(() => endpoint.id), others: () => [agent.id, 'weather'] },
  rid: { holds: isText, others: () => ['another'] },
  amount: {
    holds: (it) => isText(it) && /^[1-9]\d{3,14}$/.test(`${it}`),
    others: () => ['1000', '1001', '999', '0', '-1000', '1e3', '1000.0', '99999999999999999'],
  },
  asset: { holds: (it) => it === 'USDC' || it === 'EURC', others: () => ['EURC', 'usdc'] },
  network: { holds: is(() => 'payos:test'), others: () => ['payos:main'] },
  rsh: { holds: is(() => genuine.claims['rsh']), others: () => ['A'.repeat(22), 'A'] },
  st: { holds: (it) => it === 'settled' || it === 'held', others: () => ['held', 'voided'] },
  pv: { holds: (it) => Number.isSafeInteger(it) && Number(it) > 0, others: () => [2, 0, -1] },
  iat: {
    holds: (it) => isSecond(it) && Math.abs(Number(it) - seconds(0)) < 65,
    others: () => [seconds(-30), seconds(50), seconds(80), seconds(-9000)],
  },
  exp: {
    holds: (it) => isSecond(it) && Number(it) > seconds(-3),
    others: () => [seconds(-20), seconds(300), 0],
  },
  rdm: {
    holds: (it) => isSecond(it) && Number(it) > seconds(-1),
    others: () => [seconds(-20), seconds(600), 0],
  },
}

describe('whatever a good key signs', () => {
  it('is accepted only for what its claims cover', async ({ expect }) => {
    const wrong = [undefined, null, true, 1.5, '', [], {}, ['USDC'], { a: 1 }]
    const change = fc
      .constantFrom(...Object.keys(rules))
      .chain((name) =>
        fc
          .constantFrom(...wrong, ...(rules[name]?.others() ?? []))
          .map((value) => ({ [name]: value })),
      )
    const outcomes = { valid: 0, refused: 0 }

    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 2 }), async (changes) => {
        const claims = Object.assign({ ...genuine.claims }, ...changes)
        const covered = Object.entries(rules).every(([name, { holds }]) => holds(claims[name]))
        outcomes[covered ? 'valid' : 'refused'] += 1
        expect((await verdict(withClaims(claims))) === 'valid').toBe(covered)
      }),
      { numRuns: 400 },
    )
    expect(Math.min(outcomes.valid, outcomes.refused)).toBeGreaterThan(5)
  })

  it('is not claimed for its provider unless it is accepted', async ({ expect }) => {
    const key = endpoint.provider.apiKey
    const claim = (proof: string) =>
      world.verify({ proof, ...expectation(), consume: true, attemptId: 'a' }, { key })
    const refused = [{ exp: seconds(-6) }, { amount: '999' }, { aud: agent.id }, { jti: agent.id }]

    for (const claims of refused) {
      expect((await claim(withClaims(claims))).body.valid).toBe(false)
    }

    const { sql } = world.database
    const jti = `${genuine.claims['jti']}`
    expect(await sql`select * from ledger.redemptions where payment_id = ${jti}`).toEqual([])
    expect((await claim(token)).body.valid).toBe(true)
  })
})
