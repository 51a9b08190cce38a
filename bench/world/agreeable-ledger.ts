import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { PRICE } from './population.ts'

/**
 * Answers every payment as settled, at once and without a ledger: for what is asked of an edge that
 * has served more payments than a database here could settle in the time.
 */
export async function startAgreeableLedger(): Promise<AsyncDisposable & { url: string }> {
  const server = createServer(async (request, response) => {
    const args = (await json(request)) as Record<string, unknown>
    const body = JSON.stringify({
      outcome: 'payment',
      replayed: false,
      payment: paymentOf(args),
      balance: PRICE.units.toString(),
    })
    response.writeHead(200, { 'content-type': 'application/json' }).end(body)
  })
  server.keepAliveTimeout = 0
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

const paymentOf = (args: Record<string, unknown>) => ({
  payment_id: args['payment_id'],
  wallet_id: args['wallet_id'],
  request_id: args['request_id'],
  endpoint_id: args['endpoint_id'],
  provider_id: '40000000-0000-4000-8000-000000000001',
  agent_id: '20000000-0000-4000-8000-000000000001',
  amount: args['amount'],
  currency: args['currency'],
  price_version: 1,
  resource_hash: 'AAAAAAAAAAAAAAAAAAAAAA',
  state: 'settled',
  conflict: false,
  created_at: Math.floor(Date.now() / 1000),
  redeemable: true,
  hold_expires_at: null,
})
