import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, it } from 'vitest'
import { moveLedgerClock } from './support/ledger-clock.ts'
import { operatorOf } from './support/operated.ts'
import { openBorrower, orderQstash, payAsync, until } from './support/promises.ts'
import { type Desk, openDesk } from './support/tools.ts'
import {
  type Listener,
  openWebhookWorld,
  type Told,
  type WebhookWorld,
} from './support/webhooks.ts'
import { type Agent, openWorld, type World } from './support/world.ts'

const HOUR = 3_600

let world: World
let hooks: WebhookWorld
let desk: Desk

beforeAll(async () => {
  world = await openWorld()
  hooks = await openWebhookWorld(world)
  desk = await openDesk()
})
afterEach(async ({ expect }) => {
  expect(await world.imbalances()).toEqual([])
})
afterAll(async () => {
  await desk?.close()
  await hooks?.close()
})

/** Runs `npm run admin -- <line>`; words are separated by single spaces. */
const admin = (line: string) => desk.run('admin', line.split(' '), { env: operatorOf(world) })

/** What somebody was told, in order: each event, read as they would, and what there is to say of it. */
const said = async (listener: Listener) =>
  (await hooks.read(listener)).map(({ type, data }) => [type, data] as const)

/** The same of one payment. */
const toldOf = async (listener: Listener, paymentId: string) =>
  (await said(listener)).filter(([, data]) => data['paymentId'] === paymentId)

/** A provider that is told, an agent with a lease, and what it is promised under a name. */
async function lent() {
  const told = await hooks.told()
  const { endpoint } = told
  const agent = await openBorrower(world, { endpoint })
  const requestId = randomUUID()
  const promise = () => payAsync(world, { agent, endpoint, requestId })
  return { told, agent, requestId, promise }
}

const paymentOf = ({ told, agent, requestId }: Awaited<ReturnType<typeof lent>>) => ({
  requestId,
  endpointId: told.endpoint.id,
  agentId: agent.id,
  amount: '0.001',
  currency: 'USDC',
  status: 'settled',
})

describe('payment.settled of a promise', () => {
  it('comes once it is drained, within seconds, and once', async ({ expect }) => {
    const story = await lent()
    const { told } = story
    await orderQstash(world, 'pause', { publishes: 'accept' })
    const paid = await story.promise()
    const { paymentId, proof } = paid.body
    expect([paid.body.status, await toldOf(told, paymentId)]).toEqual(['held', []])

    await orderQstash(world, 'resume')
    await world.advance(2_000)
    await until(async () => (await toldOf(told, paymentId)).length > 0)
    await world.verify({ proofs: [proof] }, { key: told.provider.apiKey })
    await hooks.pass(2)

    expect(await toldOf(told, paymentId)).toEqual([
      ['payment.settled', { paymentId, ...paymentOf(story) }],
    ])
  })
})

describe('payment.failed', () => {
  it('comes when nothing covers a promise, with what was promised', async ({ expect }) => {
    const { told, requestId, promise } = await lent()
    await orderQstash(world, 'pause', { publishes: 'accept' })
    // The ledger's clock jumps: escrow goes back while Redis has the lease.
    await moveLedgerClock(world.database.sql, world.payos.clock.offsetMs + HOUR * 1_000)
    await hooks.cron()
    const paid = await promise()
    const { paymentId, proof } = paid.body

    const { body } = await world.verify({ proofs: [proof] }, { key: told.provider.apiKey })
    await orderQstash(world, 'resume')
    await until(async () => {
      await hooks.tick()
      return (await toldOf(told, paymentId)).length > 0
    })

    expect([paid.body.status, body.results]).toMatchObject(['held', [{ valid: false }]])
    expect(await toldOf(told, paymentId)).toEqual([
      [
        'payment.failed',
        {
          paymentId,
          requestId,
          endpointId: told.endpoint.id,
          amount: '0.001',
          currency: 'USDC',
          code: 'lease_reclaimed',
        },
      ],
    ])
    await world.advance(HOUR * 1_000)
  })
})

describe('lease.revoked', () => {
  it('comes to the owner of a wallet that is frozen, and to nobody else', async ({ expect }) => {
    const { told, agent, promise } = await lent()
    const owner = await hooks.listener(await ownerOf(agent))
    const stranger = await hooks.listener(await ownerOf(await world.agent()))
    const [lease] = await world.database.sql`
      select id from ledger.leases where wallet_id = ${agent.walletId} and state = 'open'`

    const frozen = await admin(
      `wallet put --agent ${agent.id} --currency USDC --status frozen --id ${agent.walletId}`,
    )
    await hooks.pass(2)

    expect(frozen).toMatchObject({ exit: 0 })
    expect(await said(owner)).toEqual([
      [
        'lease.revoked',
        {
          leaseId: lease?.['id'],
          walletId: agent.walletId,
          region: 'local',
          reason: 'terms',
        },
      ],
    ])
    expect(stranger.received()).toEqual([])
    expect((await said(told)).map(([type]) => type)).not.toContain('lease.revoked')
    expect((await promise()).status).toBe(403)
  })

  const ownerOf = async ({ id }: Agent): Promise<string> => {
    const [agent] = await world.database.sql`
      select owner_id from ledger.agents where id = ${id}`
    return agent?.['owner_id']
  }
})

describe('payment.refunded', () => {
  it('follows payment.settled, of a promise too, and says what went back', async ({ expect }) => {
    const story = await lent()
    const { told } = story
    const { paymentId } = (await story.promise()).body
    await hooks.pass(1)

    await hooks.refund(told, paymentId)
    await hooks.pass(2)

    const payment = { paymentId, ...paymentOf(story) }
    expect(await toldOf(told, paymentId)).toEqual([
      ['payment.settled', payment],
      [
        'payment.refunded',
        {
          ...payment,
          refundId: expect.any(String),
          refunded: '0.0004',
        },
      ],
    ])
  })
})

type Shown = Record<string, unknown> & { lag_seconds: Record<'p50' | 'p95' | 'max', number | null> }

describe('npm run admin -- webhook show', () => {
  /** What it says of somebody: to a script, and to people. */
  async function shown({ holder }: Told): Promise<{ figures: Shown; line: string }> {
    const [told, text] = [await admin('webhook show --json'), await admin('webhook show')]
    const { webhooks } = JSON.parse(told.out) as { webhooks: (Shown & { holder_id: string })[] }
    const figures = webhooks.find(({ holder_id: id }) => id === holder)
    const line = text.out.split('\n').find((it) => it.startsWith(holder))
    if (!figures || line === undefined) throw new Error(`${holder} is not shown`)
    return { figures, line }
  }

  it('measures each provider: one that was down for an hour lags by it, and its neighbour not', async ({
    expect,
  }) => {
    const [told, neighbour] = [await hooks.told(), await hooks.told()]
    told.answers(() => ({ status: 503 }))
    for (let count = 0; count < 4; count++) await hooks.pay(told)
    await hooks.pay(neighbour)
    await hooks.tick()
    await hooks.jump(HOUR)
    const down = await shown(told)
    told.answers(() => ({ status: 204 }))
    await hooks.pay(told)
    // What was tried in vain keeps its pause, of five minutes by now.
    await hooks.pass(7)
    const [up, beside] = [await shown(told), await shown(neighbour)]

    expect(down.figures).toMatchObject({ waiting: 4, delivered: 0, dead: 0, delivery_rate: null })
    expect(down.figures['oldest_seconds']).toBeGreaterThanOrEqual(HOUR)
    expect(down.line).toMatch(/ failing +4 waiting, 36\d\d s +0 dead +none sent +lag 0 s/)
    expect(up.figures).toMatchObject({ waiting: 0, delivered: 5, dead: 0, delivery_rate: 1 })
    const { p50, p95, max } = up.figures.lag_seconds
    for (const lag of [p50, p95, max]) {
      expect(lag).toBeGreaterThanOrEqual(HOUR)
      expect(lag).toBeLessThan(HOUR + 480)
    }
    expect(up.line).toMatch(/ active +0 waiting, 0 s +0 dead +100.00 % +lag [34]\d{3}\.?\d* s/)
    expect(beside.figures).toMatchObject({ delivered: 1, delivery_rate: 1 })
    expect(beside.figures.lag_seconds.max).toBeLessThan(60)
  })

  it('counts what was given up against the delivery rate', async ({ expect }) => {
    const told = await hooks.told()
    told.answers(() => ({ status: 500 }))
    await hooks.pay(told)
    await hooks.tick()
    for (let attempt = 1; attempt < 10; attempt++) await hooks.jump(24 * HOUR + 60)
    told.answers(() => ({ status: 204 }))
    for (let count = 0; count < 2; count++) await hooks.pay(told)
    await hooks.pass(2)

    const { figures, line } = await shown(told)

    expect(figures).toMatchObject({ delivered: 2, dead: 1, delivery_rate: 2 / 3 })
    expect(figures.lag_seconds.max).toBeLessThan(180)
    expect(line).toContain('66.67 %')
  })
})
