import { randomUUID, sign } from 'node:crypto'
import { PRICE, type Provider, paymentIdOf, type Wallet } from './population.ts'

/** One payment an agent wants to make, to be sent to an edge or straight to the ledger. */
export type Order = { wallet: Wallet; endpointId: string; requestId: string }

export const newOrder = (wallet: Wallet, provider: Pick<Provider, 'endpointId'>): Order => ({
  wallet,
  endpointId: provider.endpointId,
  requestId: randomUUID(),
})

/** The statement an edge's call comes to, and its parameters, for a caller of the wire protocol. */
export const SETTLE = `select api.settle_x402_payment(
  $1, $2, null, $3::uuid, $4::uuid, $5, $6::uuid, $7, $8, 'GET', null, null, 'automatic')`

export function settleValues({ wallet, endpointId, requestId }: Order): string[] {
  const units = PRICE.units.toString()
  const content = [wallet.id, requestId, endpointId, units, PRICE.currency, 'GET', '', 'automatic']
  const { keyId, keyHash } = wallet.agent
  const id = paymentIdOf(content)
  return [keyId, keyHash, id, wallet.id, requestId, endpointId, units, PRICE.currency]
}

/** The same call as PostgREST takes it. */
export function settleBody(order: Order): string {
  const [key_id, key_hash, payment_id, wallet_id, request_id, endpoint_id, amount, currency] =
    settleValues(order)
  return JSON.stringify({
    ...{ key_id, key_hash, thumbprint: null, payment_id, wallet_id, request_id, endpoint_id },
    ...{ amount, currency, method: 'GET', resource: null, href: null, capture: 'automatic' },
  })
}

type Terms = { issuer?: string | undefined; settlement?: Settlement | undefined }
export type Settlement = 'sync' | 'async'

/** The body of `POST /pay`; with an issuer it is signed for that edge. */
export function payBody({ wallet, endpointId, requestId }: Order, terms: Terms = {}): string {
  const { issuer, settlement = 'sync' } = terms
  const body = {
    endpointId,
    walletId: wallet.id,
    amount: PRICE.text,
    currency: PRICE.currency,
    requestId,
    timestamp: Math.floor(Date.now() / 1000),
    method: 'GET',
    ...(settlement !== 'sync' && { settlement }),
  }
  if (issuer === undefined) return JSON.stringify(body)
  const lines = [
    ...['payos-x402-pay-v1', issuer, wallet.id, endpointId, PRICE.text, PRICE.currency],
    ...[requestId, body.timestamp, 'GET', '', settlement, 'automatic'],
  ]
  const { privateKey, x } = wallet.agent.signer
  const signature = sign(null, Buffer.from(lines.join('\n')), privateKey).toString('base64url')
  return JSON.stringify({ ...body, publicKey: { kty: 'OKP', crv: 'Ed25519', x }, signature })
}
