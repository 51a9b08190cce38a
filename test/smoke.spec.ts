import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { type Desk, openDesk } from './support/tools.ts'
import { type Agent, type Endpoint, openWorld, type World } from './support/world.ts'

let world: World
let desk: Desk
let agent: Agent
let endpoint: Endpoint

beforeAll(async () => {
  world = await openWorld()
  desk = await openDesk()
  agent = await world.agent()
  endpoint = await world.endpoint()
})

afterAll(async () => {
  await desk?.close()
  await world?.close()
})

const url = () => world.payos.edges.edges[0]?.url ?? ''

async function smoke(env: object = {}, words: string[] = []) {
  const line = [url(), '--issuer', world.payos.issuer, '--json', ...words]
  const ran = await desk.run('smoke', line, { env })
  const { checks } = JSON.parse(ran.out)
  const results = (checks as { name: string; result: string }[]).map(({ name, result }) => {
    return `${name} ${result}`
  })
  return { ...ran, results }
}

const paying = (payer: Agent) => ({
  env: {
    SMOKE_AGENT_KEY: payer.apiKey,
    METRICS_TOKEN: world.payos.secrets.metricsToken,
    ...(payer.signer && {
      SMOKE_SIGNER: JSON.stringify(payer.signer.privateKey.export({ format: 'jwk' })),
    }),
  },
  words: ['--wallet', payer.walletId, '--endpoint', endpoint.id],
})

const allPassed = ['health', 'ready', 'key set', 'quote', 'pay', 'proof', 'replay', 'metrics'].map(
  (name) => `${name} passed`,
)

describe('a smoke test', () => {
  it('passes every check of a PayOS that runs, and pays once', async ({ expect }) => {
    const { env, words } = paying(agent)
    const ran = await smoke(env, words)
    expect(ran).toMatchObject({ exit: 0, error: '', results: allPassed })
    expect(await world.paymentsOf(agent)).toHaveLength(1)
  })

  it('signs for an agent that signs', async ({ expect }) => {
    const { env, words } = paying(await world.agent({ signs: true }))
    expect(await smoke(env, words)).toMatchObject({ exit: 0, results: allPassed })
  })

  it('knows the local stack from its file', async ({ expect }) => {
    const local = await openDesk()
    await local.writeDevFile({
      edge: url(),
      agent: { apiKey: agent.apiKey, walletId: agent.walletId },
      provider: { endpointIds: { weather: endpoint.id } },
      metricsToken: world.payos.secrets.metricsToken,
      operator: { token: 'none' },
      supabase: url(),
      supabaseKey: 'none',
      redis: url(),
      redisToken: 'none',
      region: 'none',
    })
    const ran = await local.run('smoke', ['--issuer', world.payos.issuer])
    await local.close()
    expect(ran).toMatchObject({ exit: 0, error: '' })
    expect(ran.out.split('\n')[0]).toMatch(/^✓ +health +\d+ ms$/)
    expect(ran.out).not.toContain(agent.apiKey)
  })

  it('says what it could not look at without an agent and a token', async ({ expect }) => {
    const ran = await smoke()
    expect(ran.exit).toBe(0)
    expect(ran.results).toEqual([
      'health passed',
      'ready passed',
      'key set passed',
      ...['quote', 'pay', 'proof', 'replay', 'metrics'].map((name) => `${name} skipped`),
    ])
  })

  it('fails when a payment is refused, and still looks at the rest', async ({ expect }) => {
    const { env, words } = paying(await world.agent({ funds: '0' }))
    const ran = await smoke(env, words)
    expect(ran).toMatchObject({ exit: 5 })
    expect(ran.results).toEqual(
      expect.arrayContaining(['pay failed', 'proof skipped', 'replay skipped', 'metrics passed']),
    )
    expect(ran.out).toContain('funds_insufficient')
  })

  it('fails when its proofs name another issuer', async ({ expect }) => {
    const { env, words } = paying(agent)
    const ran = await smoke(env, [...words, '--issuer', 'https://other.example'])
    expect(ran.results).toContain('proof failed')
    expect(ran.out).toContain('proof_wrong_issuer')
  })

  it('fails with a metrics token that is not theirs', async ({ expect }) => {
    const ran = await smoke({ METRICS_TOKEN: 'another token' })
    expect(ran).toMatchObject({ exit: 5 })
    expect(ran.results).toContain('metrics failed')
  })

  it('fails while the ledger does not answer', async ({ expect }) => {
    world.payos.postgrest.faults.add({
      match: 'get_x402_endpoint',
      effect: { kind: 'status', status: 503 },
      times: 9,
    })
    const ran = await smoke()
    world.payos.postgrest.faults.clear()
    expect(ran.results).toContain('ready failed')
  })
})

describe('a key set', () => {
  let server: Server
  const key = {
    kty: 'OKP',
    crv: 'Ed25519',
    x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
    kid: 'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k',
    use: 'sig',
    alg: 'EdDSA',
  }
  let keys: object[] = []

  beforeAll(async () => {
    server = createServer((_, answer) => answer.end(JSON.stringify({ keys })))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  })
  afterAll(() => server?.close())

  it.for([
    ['passed', 'public keys by their thumbprints', [key]],
    ['failed', 'a private member', [{ ...key, d: 'nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A' }]],
    ['failed', 'a name that is no thumbprint', [{ ...key, kid: 'k'.repeat(43) }]],
    ['failed', 'no key', []],
  ] as const)('%s with %s', async ([result, , published], { expect }) => {
    keys = [...published]
    const { port } = server.address() as AddressInfo
    const { out } = await desk.run('smoke', [`http://127.0.0.1:${port}`, '--json'])
    const { checks } = JSON.parse(out)
    expect(checks[2]).toMatchObject({ name: 'key set', result })
  })
})
