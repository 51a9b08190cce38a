import { encodeBase64url } from '../../shared/domain/base64url.ts'
import { EndpointId, RequestId, WalletId } from '../../shared/domain/ids.ts'
import { Amount } from '../../shared/domain/money.ts'
import { payMessage } from '../../shared/domain/pay-signature.ts'
import type { Quote } from './checks.ts'
import type { Payer, Site } from './site.ts'

/** The body of one payment of what the endpoint costs, signed when the agent signs. */
export async function orderOf(site: Site, payer: Payer, quote: Quote): Promise<string> {
  const order = {
    endpointId: EndpointId.parse(payer.endpointId),
    walletId: WalletId.parse(payer.walletId),
    currency: quote.currency,
    requestId: RequestId.parse(`smoke-${crypto.randomUUID()}`),
    method: quote.method,
    settlement: 'sync',
    capture: 'automatic',
  } as const
  const seconds = Math.floor(Date.now() / 1000)
  const body = { ...order, amount: quote.price, timestamp: seconds }
  if (!payer.signer) return JSON.stringify(body)

  const amount = Amount.decode(quote.requirement.amount)
  const message = payMessage({ ...order, amount, issuer: site.issuer, seconds })
  if (message === undefined) throw new Error('the order holds a control character')
  const { x, d } = payer.signer
  const publicKey = { kty: 'OKP', crv: 'Ed25519', x }
  return JSON.stringify({ ...body, publicKey, signature: await sign({ ...publicKey, d }, message) })
}

async function sign(jwk: JsonWebKey, message: string): Promise<string> {
  const key = await crypto.subtle.importKey('jwk', jwk, 'Ed25519', false, ['sign'])
  const bytes = await crypto.subtle.sign('Ed25519', key, new TextEncoder().encode(message))
  return encodeBase64url(new Uint8Array(bytes))
}
