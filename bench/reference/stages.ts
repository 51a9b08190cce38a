import type { Backends, Call, Order } from './flow.ts'

type Wallet = { balance: number }
type Endpoint = { price: number }

/** How long a cached endpoint or policy was trusted, in seconds. */
const CACHE_SECONDS = 300

/** The first stage: eight queries, each waiting for the one before. */
export async function oneByOne({ query }: Backends, { order, transferId }: Call): Promise<number> {
  const { walletId, endpointId, amount } = order
  if (await query('find_transfer', keyOf(order))) throw new Error('known request')
  const { endpoint } = await query<{ endpoint: Endpoint; wallet: Wallet }>(
    'get_endpoint_and_wallet',
    { of_endpoint: endpointId, of_wallet: walletId },
  )
  const allowed = await query<boolean>('check_policy', { of_wallet: walletId, wanted: amount })
  admit({ endpoint, allowed, amount })
  await query('insert_transfer', insertOf(order, transferId))
  await query('settle_transfers', { ids: [transferId] })
  await query('get_provider_wallet', { of_endpoint: endpointId })
  await query('update_statistics', { of_endpoint: endpointId, more: 1, paid: amount })
  return (await query<Wallet>('get_wallet', { of_wallet: walletId })).balance
}

/** The second: what does not depend on each other waits together, and endpoints are cached. */
export async function inParallel(backends: Backends, { order, transferId }: Call): Promise<number> {
  const { query } = backends
  const { walletId, endpointId, amount } = order
  const [known, endpoint, , allowed] = await Promise.all([
    query('find_transfer', keyOf(order)),
    cachedEndpoint(backends, endpointId),
    query<Wallet>('get_wallet', { of_wallet: walletId }),
    query<boolean>('check_policy', { of_wallet: walletId, wanted: amount }),
  ])
  if (known) throw new Error('known request')
  admit({ endpoint, allowed, amount })
  await query('insert_transfer', insertOf(order, transferId))
  await query('settle_transfers', { ids: [transferId] })
  const [{ balance }] = await Promise.all([
    query<Wallet>('get_wallet', { of_wallet: walletId }),
    query('get_provider_wallet', { of_endpoint: endpointId }),
    query('update_statistics', { of_endpoint: endpointId, more: 1, paid: amount }),
  ])
  return balance
}

/** The third: settlement, provider wallet and statistics are left to a message. */
export async function batchSettlement(backends: Backends, call: Call): Promise<number> {
  const { query, publish } = backends
  const { order, transferId } = call
  const { walletId, endpointId, amount } = order
  const [known, endpoint, wallet, allowed] = await Promise.all([
    query('find_transfer', keyOf(order)),
    cachedEndpoint(backends, endpointId),
    query<Wallet>('get_wallet', { of_wallet: walletId }),
    query<boolean>('check_policy', { of_wallet: walletId, wanted: amount }),
  ])
  if (known) throw new Error('known request')
  admit({ endpoint, allowed, amount })
  await query('insert_transfer', insertOf(order, transferId))
  await publish({ ...order, transferId })
  return wallet.balance - amount
}

/** The fourth: unseen ids are taken for new, policies are cached, messages leave after the answer. */
export async function bloomAndLocalProofs(backends: Backends, call: Call): Promise<number> {
  const { query, publish, seen } = backends
  const { order, transferId, later } = call
  const { walletId, endpointId, amount } = order
  const id = `${walletId} ${order.requestId}`
  const [known, endpoint, wallet, allowed] = await Promise.all([
    seen.has(id) ? query('find_transfer', keyOf(order)) : undefined,
    cachedEndpoint(backends, endpointId),
    query<Wallet>('get_wallet', { of_wallet: walletId }),
    cachedPolicy(backends, order),
  ])
  if (known) throw new Error('known request')
  admit({ endpoint, allowed, amount })
  await query('insert_transfer', insertOf(order, transferId))
  seen.add(id)
  later(publish({ ...order, transferId }))
  return wallet.balance - amount
}

/** What the message of the later stages comes back to. */
export async function settleBatch({ query }: Backends, orders: Order[]): Promise<number> {
  const settled = await query<number>('settle_transfers', {
    ids: orders.map(({ transferId }) => transferId),
  })
  for (const { endpointId, amount } of orders) {
    await query('update_statistics', { of_endpoint: endpointId, more: 1, paid: amount })
  }
  return settled
}

const keyOf = ({ walletId, requestId }: Order) => ({ of_wallet: walletId, of_request: requestId })

const insertOf = (order: Order, transferId: string) => ({
  new_id: transferId,
  ...keyOf(order),
  of_endpoint: order.endpointId,
  wanted: order.amount,
})

function admit(seen: { endpoint: Endpoint; allowed: boolean; amount: number }): void {
  if (seen.endpoint.price !== seen.amount) throw new Error('price changed')
  if (!seen.allowed) throw new Error('refused by policy')
}

async function cachedEndpoint({ query, redis }: Backends, id: string): Promise<Endpoint> {
  const cached = await redis.get<Endpoint>(`reference:endpoint:${id}`)
  if (cached) return cached
  const endpoint = await query<Endpoint>('get_endpoint', { of_endpoint: id })
  await redis.set(`reference:endpoint:${id}`, JSON.stringify(endpoint), { ex: CACHE_SECONDS })
  return endpoint
}

async function cachedPolicy({ query, redis }: Backends, order: Order): Promise<boolean> {
  const name = `reference:policy:${order.walletId}:${order.amount}`
  if (await redis.get(name)) return true
  const allowed = await query<boolean>('check_policy', {
    of_wallet: order.walletId,
    wanted: order.amount,
  })
  if (allowed) await redis.set(name, '1', { ex: CACHE_SECONDS })
  return allowed
}
