import { randomUUID } from 'node:crypto'
import { decodeJwt } from 'jose'
import { afterAll, afterEach, beforeAll, describe, it } from 'vitest'
import { hashApiKey } from '../../shared/domain/api-key.ts'
import { type Agent, type Endpoint, openWorld, type World } from '../support/world.ts'
import { async, borrower, until, wealthOf } from './promises/borrower.ts'

let world: World
let endpoint: Endpoint

beforeAll(async () => {
  world = await openWorld({ locations: ['lima', 'oslo'] })
  endpoint = await world.endpoint()
})
afterEach(async ({ expect }) => {
  expect(await world.imbalances()).toEqual([])
})
afterAll(() => world.close())

/** Calls the database with the token that settles what was promised, as whoever stole it would. */
async function drain(name: string, args: Record<string, unknown>) {
  const { publishableKey, drainToken } = world.payos.secrets
  const response = await fetch(`${world.payos.postgrest.url}/rest/v1/rpc/${name}`, {
    method: 'POST',
    headers: {
      apikey: publishableKey,
      authorization: `Bearer ${drainToken}`,
      'content-type': 'application/json',
      'content-profile': 'api',
    },
    body: JSON.stringify(args),
  })
  return response.json()
}

const grant = (agent: Agent) =>
  drain('grant_x402_lease', {
    ...{ wallet_id: agent.walletId, region: 'nowhere', nonce: randomUUID() },
    ...{ wanted: '1000000', needed: '1' },
  })

/** A record nobody promised: to an endpoint of the thief's choice, from a lease it knows. */
const record = (leaseId: string, amount: string, seq: number) => ({
  payment_id: randomUUID(),
  request_id: randomUUID(),
  endpoint_id: endpoint.id,
  provider_id: endpoint.provider.id,
  ...{ amount, currency: 'USDC', price_version: 1, resource_hash: 'A'.repeat(22) },
  ...{ lease_id: leaseId, seq, made_at: Math.floor(world.payos.clock.now() / 1000) },
})

const settle = async (name: string, records: object[]) =>
  (await drain(name, { records })).outcomes.map(
    (it: { outcome: string; code?: string }) => it.code ?? it.outcome,
  )

describe('a stolen token of the drain', () => {
  it('reaches no wallet whose owner gave no right to lend from it', async ({ expect }) => {
    const agent = await world.agent({ funds: '100000' })

    expect(await grant(agent)).toEqual({ outcome: 'refused', reason: 'no_right' })
    for (const name of ['settle_x402_batch', 'settle_x402_overdrawn']) {
      expect(await settle(name, [record(randomUUID(), '1', 1)])).toEqual(['lease_unknown'])
    }
    expect(await wealthOf(world, agent)).toEqual({ left: 100_000n, paid: 0n })
  })

  it('takes no more of a wallet than its owner allows in a day', async ({ expect }) => {
    const agent = await world.agent({ funds: '1000000', dayMax: '30000' })
    await world.operate('put_x402_settlement', [agent.walletId, 'async'])
    for (let tries = 0; tries < 40; tries++) {
      const { lease } = await grant(agent)
      if (!lease) break
      const records = [1, 2, 3].map((seq) => record(lease.lease_id, lease.limit, seq))
      await settle('settle_x402_batch', records)
      await settle('settle_x402_overdrawn', records)
    }

    const { left, paid } = await wealthOf(world, agent)
    expect(paid).toBeGreaterThan(0n)
    expect(paid).toBeLessThanOrEqual(30_000n)
    expect(left + paid).toBe(1_000_000n)
    expect(await grant(agent)).toMatchObject({ outcome: 'refused' })
  })

  it('stops what is lent from a wallet as soon as it takes more than a lease holds', async ({
    expect,
  }) => {
    const agent = await world.agent({ funds: '1000000' })
    await world.operate('put_x402_settlement', [agent.walletId, 'async'])
    const { lease } = await grant(agent)
    const records = [1, 2, 3, 4].map((seq) => record(lease.lease_id, lease.limit, seq))

    expect(await settle('settle_x402_overdrawn', records)).toEqual([
      ...['settled', 'settled', 'settled', 'lease_overdrawn'],
    ])
    expect(await grant(agent)).toEqual({ outcome: 'refused', reason: 'stopped' })
    expect((await wealthOf(world, agent)).paid).toBe(3n * BigInt(lease.limit))
  })

  it('pays nobody but the provider an endpoint belongs to', async ({ expect }) => {
    const [agent, other] = [await world.agent({ funds: '1000000' }), await world.endpoint()]
    await world.operate('put_x402_settlement', [agent.walletId, 'async'])
    const { lease } = await grant(agent)
    const crossed = { ...record(lease.lease_id, '1', 1), provider_id: other.provider.id }

    expect(await settle('settle_x402_batch', [crossed])).toEqual(['endpoint_mismatch'])
  })
})

describe('a stolen token of Redis', () => {
  it('can have a promise signed that nobody pays, and moves no money by it', async ({ expect }) => {
    await borrower(world, endpoint)
    const agent = await world.agent({ funds: '5000' })
    const planted = { id: randomUUID(), epoch: 1, seq: 0, limit: 5000, remaining: 5000 }
    const terms = { agent: agent.id, currency: 'USDC', payment_max: 5000, providers: '*' }
    const who = { key_hashes: await hashApiKey(agent.apiKey), thumbprints: '*' }
    const fields = Object.entries({ ...planted, ...terms, ...who })
      .flat()
      .map(String)
    await world.payos.redis.command('HSET', `payos:test:local:lease:${agent.walletId}`, ...fields)

    const paid = await world.pay(agent, endpoint, async)
    const presented = await world.verify(
      { proof: paid.body.proof, endpointId: endpoint.id },
      { key: endpoint.provider.apiKey },
    )

    expect(decodeJwt(paid.body.proof)).toMatchObject({ st: 'held', lse: planted.id })
    expect(presented.body).toMatchObject({ valid: false })
    expect(await wealthOf(world, agent)).toEqual({ left: 5000n, paid: 0n })
  })

  it('takes of a wallet what its lease holds and the limit once more, and ends its lending', async ({
    expect,
  }) => {
    const agent = await borrower(world, endpoint, { funds: '1000000' })
    const [lease] = await world.database.sql`
      select id, spend_limit::text, shard, epoch from ledger.leases
      where wallet_id = ${agent.walletId} and state = 'open'`
    const stream = `payos:test:local:stream:${lease?.['shard']}`
    for (let seq = 101; seq < 106; seq++) {
      const forged = streamRecord(agent, endpoint, { ...lease, seq: `${seq}` })
      await world.payos.redis.command('XADD', stream, '*', 'record', forged)
    }
    await until(async () => {
      await world.pay(agent, endpoint, async)
      const stops = world.database.sql`
        select from ledger.lease_stops where wallet_id = ${agent.walletId}`
      return (await stops).length > 0
    })
    const after = await world.pay(agent, endpoint, async)

    const limit = BigInt(lease?.['spend_limit'])
    const taken = (await world.paymentsOf(agent)).filter((it) => BigInt(it.amount) === limit)
    expect(taken.length).toBeGreaterThan(0)
    expect(taken.length).toBeLessThanOrEqual(3)
    expect(after.status).toBe(200)
    const { left, paid } = await wealthOf(world, agent)
    expect(left + paid).toBe(1_000_000n)
  })
})

/** A promise as it lies in a stream, of the whole limit of a lease. */
function streamRecord(
  agent: Agent,
  { id, provider, url }: Endpoint,
  lease: Record<string, string>,
) {
  const now = Math.floor(world.payos.clock.now() / 1000)
  const lines = [
    ...['1', randomUUID(), agent.walletId, agent.id, randomUUID(), id, provider.id],
    ...[lease['spend_limit'], 'USDC', '1', 'GET', url, lease['id'], lease['epoch'], lease['seq']],
    ...[now, now + 120, 'a'.repeat(64), ''],
  ]
  return lines.join('\n')
}
