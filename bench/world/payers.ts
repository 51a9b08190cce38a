import { type Drive, drive } from '../measure/drive.ts'
import type { HttpClient } from '../measure/http.ts'
import { WireStatement } from '../measure/wire.ts'
import type { World } from './databases.ts'
import type { Edge } from './edge.ts'
import { newOrder, type Order, SETTLE, settleBody, settleValues } from './order.ts'
import type { Parties } from './population.ts'

export type Load = { clients: number; seconds: number }

/** Makes orders of a random wallet each time for a random provider, from the first of each. */
export function orders(
  { wallets, providers }: Pick<Parties, 'wallets' | 'providers'>,
  among: { wallets?: number; providers?: number } = {},
): () => Order {
  const any = <Item>(items: readonly Item[], count = items.length) =>
    items[Math.floor(Math.random() * Math.min(count, items.length))] as Item
  return () => newOrder(any(wallets, among.wallets), any(providers, among.providers))
}

/** A statement that makes a payment, and how it is called. */
export type SqlCall = {
  url: string
  setup: string[]
  statement: string
  values: (order: Order) => string[]
}

const settleCall = (world: Pick<World, 'url'>): SqlCall => ({
  url: world.url('authenticator'),
  setup: ['set role x402_edge'],
  statement: SETTLE,
  values: settleValues,
})

/** Pays straight in the ledger, as the leanest caller does; closed loops over prepared statements. */
export class SqlPayers implements AsyncDisposable {
  readonly #statements: WireStatement[]
  readonly #values: SqlCall['values']
  made = 0

  private constructor(statements: WireStatement[], values: SqlCall['values']) {
    this.#statements = statements
    this.#values = values
  }

  static async open(
    world: Pick<World, 'url'>,
    clients: number,
    call = settleCall(world),
  ): Promise<SqlPayers> {
    const open = () => WireStatement.open(call.url, call.statement, call.setup)
    return new SqlPayers(await Promise.all(Array.from({ length: clients }, open)), call.values)
  }

  drive(load: Load, next: () => Order): Promise<Drive> {
    return drive({ ...load, run: (client) => this.once(next(), client) })
  }

  async once(order: Order, client = 0): Promise<void> {
    const answer = await this.#statements[client]?.run(this.#values(order))
    if (!answer || !isFirst(answer)) throw new Error(`not settled: ${answer}`)
    this.made += 1
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#statements.map((statement) => statement.close()))
  }
}

/** Pays through the gateway alone, with an edge's own rights. */
export async function payByGateway(edge: Edge, http: HttpClient, order: Order): Promise<void> {
  const { secrets, postgrest } = edge.payos
  const { status, text } = await http.send(`${postgrest.url}/rest/v1/rpc/settle_x402_payment`, {
    headers: {
      apikey: secrets.publishableKey,
      authorization: `Bearer ${secrets.edgeToken}`,
      'content-profile': 'api',
    },
    body: settleBody(order),
  })
  if (status !== 200 || !isFirst(text)) throw new Error(`not settled: ${text}`)
}

/** A payment settled by this very call: nothing but that has this member. */
const isFirst = (answer: string): boolean => /"replayed" ?: ?false/.test(answer)
