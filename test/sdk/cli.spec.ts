import { afterAll, beforeAll, describe, inject, it } from 'vitest'
import { startPayos } from '../../local/payos.ts'
import { openDatabase } from '../support/postgres.ts'
import { type Desk, openDesk, type Ran } from '../support/tools.ts'
import { type Agent, World } from '../support/world.ts'
import { openShop, type Shop } from './support/market.ts'
import { freePort } from './support/serve.ts'

let world: World
let shop: Shop
let agent: Agent
let desk: Desk

beforeAll(async () => {
  const port = await freePort()
  const database = await openDatabase()
  const payos = await startPayos({
    databaseUrl: database.url('authenticator'),
    bundle: inject('bundle'),
    // The command knows the edge by one name.
    issuer: `http://127.0.0.1:${port}`,
    ports: { edge: port },
  })
  world = new World(payos, database)
  shop = await openShop(world)
  agent = await world.agent({ signs: true })
  desk = await openDesk()
  const { id, walletId, apiKey, signer } = agent
  const privateJwk = signer?.privateKey.export({ format: 'jwk' })
  const { provider } = shop.endpoint
  await desk.writeDevFile({
    edge: payos.issuer,
    agent: { id, walletId, apiKey, privateJwk },
    provider,
  })
})
afterAll(async () => {
  await desk?.close()
  await shop?.stop()
  await world?.close()
})

const payos = (line: string, env: object = {}): Promise<Ran> =>
  desk.run('../sdk/cli/main', line.split(' '), { env })

describe('payos pay', () => {
  it('pays with what npm run dev wrote, and shows each step with its duration', async ({
    expect,
  }) => {
    const { exit, out, error } = await payos(`pay ${shop.url}`)

    expect([exit, out]).toEqual([0, 'sunny\n'])
    const [payment] = (await world.paymentsOf(agent)).slice(-1)
    expect(error).toMatch(/^✓ 402 payment required +[\d.]+ ms {2}0.001 USDC for GET http/m)
    expect(error).toMatch(
      new RegExp(`^✓ paid at the edge +[\\d.]+ ms {2}payment ${payment?.id}`, 'm'),
    )
    expect(error).toMatch(/^✓ 200 OK +[\d.]+ ms$/m)
    expect(error).toMatch(/^proof\n(.*\n)* {2}amount +1000\n/m)
    expect(error).toMatch(/^receipt\n(.*\n)* {2}success +true\n/m)
    expect(error).not.toContain('\u001b')
  })

  it('tells a script the same in one JSON object, and nothing else', async ({ expect }) => {
    const { exit, out, error } = await payos(`pay ${shop.url} --json`)

    expect([exit, error]).toEqual([0, ''])
    expect(JSON.parse(out)).toMatchObject({
      status: 200,
      steps: [{ name: '402 payment required' }, { name: 'paid at the edge' }, { name: '200 OK' }],
      proof: { iss: world.payos.issuer, amount: '1000', st: 'settled' },
      receipt: { success: true },
      body: 'sunny',
    })
  })

  it('pays a named purchase once', async ({ expect }) => {
    await payos(`pay ${shop.url} --request-id breakfast`)
    const again = await payos(`pay ${shop.url} --request-id breakfast --json`)

    expect(again.exit).toBe(4)
    const named = (await world.paymentsOf(agent)).filter((it) => it.request_id === 'breakfast')
    expect(named).toHaveLength(1)
    expect(JSON.parse(again.error)).toMatchObject({ paymentId: named[0]?.id })
  })
})

describe('payos verify and payos payment', () => {
  it('judge a proof at the edge and look its payment up, from either side', async ({ expect }) => {
    const { body } = await world.pay(agent, shop.endpoint)

    const verified = await payos(`verify ${body.proof}`)
    expect(verified).toMatchObject({ exit: 0, error: '' })
    expect(verified.out).toContain('✓ valid; not judged here: audience')
    for (const side of ['agent', 'provider']) {
      const { exit, out } = await payos(`payment ${body.paymentId} --as ${side} --json`)
      expect([exit, JSON.parse(out)]).toMatchObject([0, { status: 'settled', amount: '0.001' }])
    }
    expect((await payos(`payment ${body.paymentId}`)).out).toMatch(/✓ \S+Z {2}settled\n$/)
  })

  it('show what a proof says even when it is refused', async ({ expect }) => {
    const { body } = await world.pay(agent, shop.endpoint)
    const forged = `${body.proof.slice(0, -8)}AAAAAAAA`

    const { exit, out, error } = await payos(`verify ${forged}`)

    expect([exit, out]).toEqual([4, ''])
    expect(error).toMatch(/^refused: proof_signature_invalid/)
    expect(error).toMatch(/^ {2}amount +1000$/m)
  })
})

describe('payos keys new', () => {
  it('makes a key the client takes, another each time', async ({ expect }) => {
    const keys = await Promise.all([payos('keys new --json'), payos('keys new --json')])
    const [one, other] = keys.map(({ out }) => JSON.parse(out))

    expect(one.privateJwk).toMatchObject({ ...one.publicJwk, d: expect.stringMatching(/^.{43}$/) })
    expect(one.publicJwk.x).not.toBe(other.publicJwk.x)
  })
})

describe('a command that cannot be done', () => {
  const nobody = { PAYOS_EDGE: 'http://127.0.0.1:9' }
  const stranger = {
    PAYOS_AGENT_KEY: `pk_test_${'a'.repeat(66)}`,
    PAYOS_WALLET_ID: '30000000-0000-4000-8000-000000000001',
  }

  it.for([
    [2, 'no command', 'buy x', {}, 'there is no command "buy"'],
    [2, 'an unknown option', 'pay --fast', {}, '--fast'],
    [2, 'no URL', 'pay weather', {}, 'is no URL'],
    [2, 'a limit that is no amount', 'pay URL --max much', {}, '"maxAmount"'],
    [2, 'an edge without keys', 'pay URL', nobody, 'PAYOS_AGENT_KEY'],
    [2, 'a text that is no proof', 'verify proof', {}, 'no proof'],
    [3, 'a key that nobody has', 'payment ID', { ...stranger, at: 'edge' }, 'key_invalid'],
    [4, 'more than the limit', 'pay URL --max 0', {}, 'more than "maxAmount"'],
    [4, 'a payment that is not there', 'payment ID', {}, 'not_found'],
    [5, 'an edge that is away', 'verify PROOF', nobody, 'fetch failed'],
  ] as const)('exits %s for %s, in one line', async ([exit, , line, given, words], { expect }) => {
    const { at, ...env } = { at: '', ...given }
    const named = at ? { ...env, PAYOS_EDGE: world.payos.issuer } : env
    const { body } = await world.pay(agent, shop.endpoint)
    const words_ = line
      .replace('URL', shop.url)
      .replace('PROOF', body.proof)
      .replace('ID', '90000000-0000-8000-8000-000000000001')

    const ran = await payos(words_, named)

    expect([ran.exit, ran.out]).toEqual([exit, ''])
    expect(ran.error).toContain(words)
    expect(ran.error.trim().split('\n').at(-1)).toContain(words)
  })

  it('leaves the money where it is', async ({ expect }) => {
    const before = await world.balanceOf(agent)
    await payos(`pay ${shop.url} --max 0.0005`)
    expect(await world.balanceOf(agent)).toBe(before)
  })
})
