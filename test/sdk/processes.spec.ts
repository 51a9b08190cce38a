import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, it } from 'vitest'
import { fileJournal } from '../../sdk/client/index.ts'
import { type Agent, openWorld, type World } from '../support/world.ts'
import type { AgentOrders } from './support/agent-process.ts'
import { clientOptions, openShop, paywallOptions, type Shop } from './support/market.ts'
import { runAgent, startProvider } from './support/processes.ts'

let world: World
let shop: Shop
let folder: string

beforeAll(async () => {
  world = await openWorld({ locations: ['lima', 'oslo'], processes: 2 })
  shop = await openShop(world)
  folder = await mkdtemp(join(tmpdir(), 'payos-journal-'))
})
afterEach(async ({ expect }) => {
  expect(await world.imbalances()).toEqual([])
})
afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
  await shop?.stop()
  await world?.close()
})

function ordersFor(agent: Agent, more: Partial<AgentOrders> = {}, edge = 0): AgentOrders {
  const { timing: _, ...options } = clientOptions(world, agent)
  const url = world.payos.edges.edges[edge]?.url ?? ''
  return { options: { ...options, edge: url }, url: shop.url, calls: 1, ...more }
}

describe('an agent that dies', () => {
  it.for([
    ['before it sent its payment', 'paying'],
    ['before it knew that it paid', 'answered'],
    ['when it had paid', 'paid'],
    ['when it was about to show the proof', 'presenting'],
  ] as const)('$0 pays once, and its successor is served', async ([, diesAt], { expect }) => {
    const agent = await world.agent({ funds: '10000' })
    const journal = join(folder, `${diesAt}.journal`)

    const first = await runAgent(ordersFor(agent, { journal, diesAt }))
    const second = await runAgent(ordersFor(agent, { journal }))
    const made = await world.paymentsOf(agent)

    expect(first.exitCode).toBe(9)
    expect(second.report).toEqual([{ code: '200', paymentId: made[0]?.id }])
    expect(made).toHaveLength(1)
    expect(await world.balanceOf(agent)).toBe('9000')
  })
})

describe('a journal in a file', () => {
  it('is for its owner only, and holds no purchase that is over', async ({ expect }) => {
    const journal = join(folder, 'over.journal')
    await runAgent(ordersFor(await world.agent(), { journal }))

    const records = await fileJournal(journal).read()

    expect([...records.keys()]).toEqual([`price:${shop.endpoint.id}`])
    expect((await stat(journal)).mode & 0o777).toBe(0o600)
    expect((await readFile(journal, 'utf8')).split('\n')).toHaveLength(2)
  })

  it('passes over a line that a crash cut off', async ({ expect }) => {
    const path = join(folder, 'cut.journal')
    await writeFile(path, '["a","1"]\n["b","2"]\n["a",null]\n["c","3')

    expect([...(await fileJournal(path).read())]).toEqual([['b', '2']])
  })
})

describe('two processes of one provider', () => {
  it('run the handler once for one proof shown 50 times at once', async ({ expect }) => {
    const { nowSeconds: _, ...options } = paywallOptions(world, shop.endpoint)
    const { url, token } = world.payos.redis
    const orders = { options, redis: { url, token } }
    const providers = await Promise.all([startProvider(orders), startProvider(orders)])
    const agent = await world.agent({ funds: '10000' })
    const paid = await world.pay(agent, shop.endpoint, { body: { resource: shop.url } })

    const answers = await Promise.all(
      Array.from({ length: 50 }, (__, at) =>
        fetch(`${providers[at % 2]?.origin}/weather`, {
          headers: { 'X-Payment-JWT': paid.body.proof },
        }),
      ),
    )
    const runs = await Promise.all(providers.map((provider) => provider.runs()))

    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(answers.filter(({ status }) => status === 402)).toHaveLength(49)
    expect(runs.reduce((sum, count) => sum + count)).toBe(1)
    expect(await world.balanceOf(agent)).toBe('9000')
    for (const provider of providers) provider.stop()
  })
})

describe('two processes of one agent', () => {
  it('make 100 calls at once and spend no more than the owner allows', async ({ expect }) => {
    const agent = await world.agent({ funds: '1000000', dayMax: '7000' })

    const runs = await Promise.all([
      runAgent(ordersFor(agent, { calls: 50 }, 0)),
      runAgent(ordersFor(agent, { calls: 50 }, 1)),
    ])

    const codes = runs.flatMap(({ report }) => report.map(({ code }) => code))
    expect(codes.filter((code) => code === '200')).toHaveLength(7)
    expect(codes.filter((code) => code === 'policy_refused')).toHaveLength(93)
    expect(await world.balanceOf(agent)).toBe('993000')
  })
})
