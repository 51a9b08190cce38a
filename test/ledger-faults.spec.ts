import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, it } from 'vitest'
import { Failover } from './support/failover.ts'
import { moveLedgerClock } from './support/ledger-clock.ts'
import { countSettled, openBorrower, orderQstash, payAsync, runClock } from './support/promises.ts'
import { type Agent, type Endpoint, openWorld, type World } from './support/world.ts'

const HOUR_MS = 3_600_000

let world: World
let endpoint: Endpoint

beforeAll(async () => {
  world = await openWorld({ locations: ['lima', 'oslo'] })
  endpoint = await world.endpoint()
  // Records wait in their stream, so that each story says when they are drained.
  await orderQstash(world, 'pause', { publishes: 'accept' })
})
afterEach(async ({ expect }) => {
  expect(await world.imbalances()).toEqual([])
})
afterAll(() => world.close())

const borrower = () => openBorrower(world, { endpoint })

const promise = async (agent: Agent, requestId: string = randomUUID()) => {
  const { body } = await payAsync(world, { agent, endpoint, requestId })
  return { status: body.status, requestId, id: body.paymentId as string, proof: body.proof }
}

const present = async (...proofs: string[]) => {
  const { body } = await world.verify({ proofs }, { key: endpoint.provider.apiKey })
  return body.results.map((it: { valid: boolean; reason?: string }) => it.reason ?? it.valid)
}

const reclaim = async () => {
  const [row] = await world.database.sql`select api.reclaim_x402_leases() as answer`
  return row?.['answer']
}

const alarms = () => world.payos.edges.logs().filter((line) => line.includes('"alarm"'))

describe("the ledger's clock jumps an hour ahead", () => {
  it('and a promise that waits is paid: escrow waits for its shard, whatever the clock says', async ({
    expect,
  }) => {
    const agent = await borrower()
    const waiting = await promise(agent)
    await moveLedgerClock(world.database.sql, HOUR_MS)

    expect(await reclaim()).toEqual({ reclaimed: 0, stalled: 1 })
    await runClock(world)

    expect(await countSettled(world, [waiting.id])).toBe(1)
    expect(await reclaim()).toEqual({ reclaimed: 0, stalled: 0 })
    const { sql } = world.database
    const [lease] = await sql`select state, overdraft::int from ledger.leases`
    expect(lease).toEqual({ state: 'reclaimed', overdraft: 0 })

    // Redis still has the lease: what it promises now nobody covers, and people are told.
    const late = await promise(agent)
    expect(late.status).toBe('held')
    expect(await present(late.proof)).toEqual(['payment_expired'])
    await runClock(world)
    expect(await countSettled(world, [late.id])).toBe(0)
    expect(alarms().join('\n')).toContain('"alarm":"unfunded_proofs"')
    await moveLedgerClock(sql, 0)
  })
})

describe('the ledger loses what it committed', () => {
  let failover: Failover
  beforeAll(() => {
    failover = new Failover(world.database)
  })
  afterAll(() => failover.close())

  it('and what was promised from a lease it knows is paid again, once', async ({ expect }) => {
    const agent = await borrower()
    await failover.fallBehind()
    const [first, second] = [await promise(agent), await promise(agent)]
    await runClock(world)
    expect(await countSettled(world, [first.id, second.id])).toBe(2)

    await failover.takeOver()
    expect(await countSettled(world, [first.id, second.id])).toBe(0)

    expect(await present(first.proof, second.proof, first.proof)).toEqual([true, true, true])
    expect(await countSettled(world, [first.id, second.id])).toBe(2)
  })

  it('and a payment it forgot is made again, under its id, when its agent repeats it', async ({
    expect,
  }) => {
    const agent = await world.agent()
    await failover.fallBehind()
    const requestId = randomUUID()
    const paid = await world.pay(agent, endpoint, { requestId })
    const before = await world.balanceOf(agent)
    await failover.takeOver()

    const again = await world.pay(agent, endpoint, { requestId, edge: 1 })

    expect([again.status, again.body.paymentId]).toEqual([200, paid.body.paymentId])
    expect(await world.balanceOf(agent)).toBe(before)
    expect(await world.paymentsOf(agent)).toHaveLength(1)
  })

  it('and what was promised from a lease it forgot pays nobody: it is set aside, with an alarm', async ({
    expect,
  }) => {
    await failover.fallBehind()
    const agent = await borrower()
    const lost = await promise(agent)
    await failover.takeOver()

    expect(await present(lost.proof)).toEqual(['payment_expired'])
    await runClock(world)

    expect(await countSettled(world, [lost.id])).toBe(0)
    expect(alarms().join('\n')).toContain('"alarm":"promises_set_aside"')
    const aside = await world.payos.redis.command(
      'XRANGE',
      'payos:test:local:quarantine:all',
      '-',
      '+',
    )
    expect(JSON.stringify(aside)).toContain(lost.id)
  })
})

describe('what leaves an account while a lease is open', () => {
  it('is only what the lease left there: payments, holds and other leases find no more', async ({
    expect,
  }) => {
    const agent = await openBorrower(world, { endpoint, terms: { funds: '200000' } })
    const { sql } = world.database
    const held = async () => {
      const [row] = await sql`
        select sum(escrow - settled)::text as escrow from ledger.leases
        where wallet_id = ${agent.walletId} and state <> 'reclaimed'`
      return BigInt(row?.['escrow'])
    }
    const escrow = await held()
    expect(escrow).toBeGreaterThan(0n)
    const dear = (price: bigint) => world.endpoint({ price: `${price}` })
    const free = BigInt(await world.balanceOf(agent))

    const beyond = await world.pay(agent, await dear(free + 1n))
    const whole = await dear(free)
    const hold = await world.pay(agent, whole, { body: { capture: 'manual' } })
    const nothing = await world.pay(agent, endpoint)

    expect([beyond.status, beyond.body.code]).toEqual([402, 'funds_in_lease'])
    expect([hold.status, hold.body.status]).toEqual([200, 'held'])
    expect([nothing.status, nothing.body.code]).toEqual([402, 'funds_in_lease'])
    expect([await held(), await world.balanceOf(agent)]).toEqual([escrow, '0'])
    const waiting = await promise(agent)
    expect(await present(waiting.proof)).toEqual([true])
  })

  it('is not what leases hold, when a provider is paid out', async ({ expect }) => {
    const agent = await borrower()
    const waiting = await promise(agent)
    const { sql } = world.database
    const [earned] = await sql`
      select sum(amount)::text as amount from ledger.payments
      where provider_id = ${endpoint.provider.id}`
    const pay = (amount: bigint) => {
      const terms = [randomUUID(), endpoint.provider.id, 'USDC', `${amount}`]
      return world.operate('pay_out_x402_earnings', terms)
    }

    await expect(pay(BigInt(earned?.['amount']) + 1n)).rejects.toThrow('do not cover')
    await pay(BigInt(earned?.['amount']))

    expect(await present(waiting.proof)).toEqual([true])
  })
})
