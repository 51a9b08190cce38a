import type { WalletId } from '../../shared/domain/ids.ts'
import { shardOf } from '../../shared/domain/lease.ts'
import type { Answer } from './http.ts'
import type { Agent, AgentTerms, Endpoint, PayOptions, World } from './world.ts'

/** Asks again until something holds, for half a minute at least: what is awaited is done after an answer. */
export async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    if (await holds()) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error('it never came to be')
}

/** Pays from a lease, where there is one that covers it. */
export const payAsync = (
  world: World,
  { agent, endpoint, ...more }: { agent: Agent; endpoint: Endpoint } & PayOptions,
): Promise<Answer> =>
  world.pay(agent, endpoint, { ...more, body: { ...more.body, settlement: 'async' } })

/** An agent whose policy lets it pay from leases, with one that is ready at each edge named. */
export async function openBorrower(
  world: World,
  {
    endpoint,
    edges = [0],
    terms = {},
  }: { endpoint: Endpoint; edges?: number[]; terms?: AgentTerms },
): Promise<Agent> {
  const agent = await world.agent(terms)
  await world.operate('put_x402_settlement', [agent.walletId, 'async'])
  for (const edge of edges) {
    const isPromised = async () =>
      (await payAsync(world, { agent, endpoint, edge })).body.status === 'held'
    await isPromised()
    await until(isPromised)
  }
  return agent
}

/** The stream of the one region here that carries what the agent is promised. */
export const streamOf = ({ walletId }: Agent): string =>
  `payos:test:local:stream:${shardOf(walletId as WalletId)}`

/** Gives the QStash stand-in an order. */
export async function orderQstash(world: World, order: string, body: object = {}): Promise<void> {
  const url = `${world.payos.qstash.url}/__control/${order}`
  const answer = await fetch(url, { method: 'POST', body: JSON.stringify(body) })
  if (!answer.ok) throw new Error(`${order}: ${answer.status}`)
}

/** The cron trigger at one edge. */
export async function runClock(world: World, edge = 0): Promise<void> {
  await world.payos.edges.edges[edge]?.dispatchScheduled('* * * * *')
}

/** How many of these payments the ledger has, each of which is settled. */
export async function countSettled(world: World, ids: readonly string[]): Promise<number> {
  const rows = await world.database.sql`
    select from ledger.payments where id = any(${[...ids]}::uuid[])`
  return rows.length
}
