import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { hashApiKey } from '../../shared/domain/api-key.ts'
import { type Agent, type Endpoint, openWorld, type World } from '../support/world.ts'

let world: World
let agent: Agent
let endpoint: Endpoint

beforeAll(async () => {
  world = await openWorld({ locations: ['lima', 'oslo'] })
  agent = await world.agent({ funds: '1000000', paymentMax: '5000', signs: true })
  endpoint = await world.endpoint()
})
afterAll(() => world.close())

type Arguments = Record<string, string | null>

/** Calls the project's database over HTTP with the token an edge has, as whoever stole it would. */
async function ask(name: string, args: Arguments) {
  const { publishableKey, edgeToken } = world.payos.secrets
  const response = await fetch(`${world.payos.postgrest.url}/rest/v1/rpc/${name}`, {
    method: 'POST',
    headers: {
      apikey: publishableKey,
      authorization: `Bearer ${edgeToken}`,
      'content-type': 'application/json',
      'content-profile': 'api',
    },
    body: JSON.stringify(args),
  })
  return { status: response.status, body: await response.json() }
}

/** What an edge sends for a payment the agent made, read back from the ledger that took it. */
async function orderOf(payer: Agent, at: Endpoint): Promise<Arguments> {
  const paid = await world.pay(payer, at)
  return {
    key_id: payer.apiKey.slice(8, 24),
    key_hash: await hashApiKey(payer.apiKey),
    thumbprint: payer.signer?.thumbprint ?? null,
    payment_id: paid.body.paymentId,
    wallet_id: payer.walletId,
    request_id: paid.body.requestId,
    endpoint_id: at.id,
    amount: at.price,
    currency: at.currency,
    method: at.method,
    resource: null,
    href: null,
    capture: 'automatic',
  }
}

const settle = (order: Arguments, change: Arguments) =>
  ask('settle_x402_payment', { ...order, ...change })

describe("T37: the ledger takes no edge's word", () => {
  it.for<[string, () => Arguments]>([
    ['another amount', () => ({ amount: '1' })],
    ['a negative amount', () => ({ amount: '-1000' })],
    ['an amount of 2^53', () => ({ amount: '9007199254740992' })],
    ['another request', () => ({ request_id: 'another' })],
    ['another id', () => ({ payment_id: randomUUID() })],
    ['another currency', () => ({ currency: 'EURC' })],
    ['manual capture', () => ({ capture: 'manual' })],
    ['no capture', () => ({ capture: null })],
    ['no amount', () => ({ amount: null })],
    ['no wallet', () => ({ wallet_id: null })],
  ])('a known payment with %s is neither posted nor answered', async ([, change], { expect }) => {
    const order = await orderOf(agent, endpoint)
    const [balance, payments] = [await world.balanceOf(agent), await world.paymentsOf(agent)]

    const { status, body } = await settle(order, change())

    expect(status).toBe(400)
    expect(body.outcome).toBeUndefined()
    expect(await world.balanceOf(agent)).toBe(balance)
    expect(await world.paymentsOf(agent)).toHaveLength(payments.length)
  })

  it.for<[string, Arguments, string]>([
    ['no key', { key_id: null, key_hash: null }, 'key_invalid'],
    ['an id without its hash', { key_hash: null }, 'key_invalid'],
    ['an id with another hash', { key_hash: 'ab'.repeat(32) }, 'key_invalid'],
    ['no signer, of an agent that signs', { thumbprint: null }, 'signature_required'],
    ['a strange signer', { thumbprint: 'A'.repeat(43) }, 'signature_invalid'],
  ])('%s opens nothing, a replay neither', async ([, change, outcome], { expect }) => {
    const order = await orderOf(agent, endpoint)
    expect(await settle(order, change)).toEqual({ status: 200, body: { outcome } })
  })

  it('what it knows is answered again and posted once', async ({ expect }) => {
    const order = await orderOf(agent, endpoint)
    const balance = await world.balanceOf(agent)

    const answers = await Promise.all(Array.from({ length: 10 }, () => settle(order, {})))

    for (const { body } of answers) expect(body).toMatchObject({ replayed: true })
    expect(await world.balanceOf(agent)).toBe(balance)
  })
})

describe("T66: an edge's database token", () => {
  it.for<[string, () => Arguments]>([
    ['deposit_x402_funds', () => ({ id: randomUUID(), wallet_id: agent.walletId, amount: '1' })],
    ['pay_out_x402_earnings', () => ({ provider_id: endpoint.provider.id, amount: '1' })],
    ['put_x402_key', () => ({ kind: 'agent', holder_id: agent.id })],
    ['roll_up_x402_credits', () => ({})],
    ['get_x402_totals', () => ({})],
    ['pg_sleep', () => ({ seconds: '1' })],
  ])('may not call %s', async ([name, args], { expect }) => {
    const balance = await world.balanceOf(agent)
    const { status } = await ask(name, args())
    expect([401, 403, 404]).toContain(status)
    expect(await world.balanceOf(agent)).toBe(balance)
  })

  it('tells a payment to nobody but with the key of those it concerns', async ({ expect }) => {
    const { payment_id, request_id } = await orderOf(agent, endpoint)
    const stranger = await world.agent()
    const query = {
      payment_id: payment_id ?? null,
      wallet_id: null,
      request_id: request_id ?? null,
    }
    const holder = { key_kind: 'agent', key_id: stranger.apiKey.slice(8, 24) }
    const key_hash = await hashApiKey(stranger.apiKey)

    const told = await ask('get_x402_payment', { ...query, ...holder, key_hash })
    const blind = await ask('get_x402_payment', { ...query, ...holder, key_hash: null })

    expect([told.body, blind.body]).toEqual([{ outcome: 'not_found' }, { outcome: 'key_invalid' }])
  })
})

describe('the token of Redis', () => {
  it('makes no payment and no proof, whatever is planted under a repeat', async ({ expect }) => {
    const plain = await world.agent({ funds: '1000' })
    const paid = await world.pay(plain, endpoint)
    await world.kept(paid)
    const name = `payos:test:answer:${paid.body.paymentId}`
    const stored = JSON.parse(String(await world.payos.redis.command('GET', name)))
    const { requestId } = paid.body
    const repeat = (payer: Agent) => world.pay(payer, endpoint, { requestId })

    const stolen = { ...stored, keyHash: await hashApiKey((await world.agent()).apiKey) }
    await world.payos.redis.command('SET', name, JSON.stringify(stolen))
    const own = await repeat(plain)
    for (const planted of ['', 'null', '[]', '{"body":"paid"}', '{'.repeat(9_999)]) {
      await world.payos.redis.command('SET', name, planted)
      expect((await repeat(plain)).body).toMatchObject({ paymentId: paid.body.paymentId })
    }

    expect([own.status, own.body.paymentId]).toEqual([200, paid.body.paymentId])
    expect(await world.balanceOf(plain)).toBe('0')
  })

  it('changes no price that is paid', async ({ expect }) => {
    const dear = await world.endpoint({ price: '900' })
    const name = `payos:test:quote:${dear.id}`
    await world.get(`/v1/x402/endpoints/${dear.id}`)
    const isKept = async () => (await world.payos.redis.command('GET', name)) !== null
    while (!(await isKept())) await new Promise((resolve) => setTimeout(resolve, 5))
    const told = String(await world.payos.redis.command('GET', name))
    await world.payos.redis.command('SET', name, told.replace('"900"', '"1"'))

    const quoted = await world.get(`/v1/x402/endpoints/${dear.id}`, { edge: 1 })
    const paid = await world.pay(agent, { ...dear, price: '1' }, { edge: 1 })

    expect(quoted.body.price).toBe('0.000001')
    expect([paid.status, paid.body.code]).toEqual([409, 'price_changed'])
    expect(paid.body.quote.price).toBe('0.0009')
  })
})
