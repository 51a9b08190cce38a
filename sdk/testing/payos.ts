import { formatUnits, parseUnits } from '../../shared/domain/decimal.ts'
import { type PaymentContent, paymentIdOf } from '../../shared/domain/payment-id.ts'
import { resourceHash } from '../../shared/domain/resource.ts'
import { encodeHeader, type PaymentRequirements } from '../../shared/protocol/x402.ts'
import { makeProofKey, type ProofKey, signProof } from './mint.ts'

export type TestPayosOptions = {
  providerId?: string
  endpointId?: string
  method?: string
  /** The registered URL. */
  url?: string
  /** In currency units. */
  price?: string
  currency?: string
  /** Unix seconds. */
  nowSeconds?: () => number
}

/** A payment this PayOS took. */
export type TestPayment = { paymentId: string; requestId: string; amount: string; resource: string }

/** A PayOS in memory, for tests of agents and providers that are not to touch the network. */
export type TestPayos = {
  /** For `paywall({ ...payos.provider })`. */
  provider: {
    edge: string
    providerId: string
    endpointId: string
    environment: 'test'
    fetch: typeof fetch
    nowSeconds: () => number
  }
  /** Answers what an edge answers: key set, quote, payments. Other origins get `elsewhere`. */
  fetch: typeof fetch
  /** What `fetch` does with requests that are not for the edge; at first, refuses. */
  elsewhere: (request: Request) => Response | Promise<Response>
  /** Payments made, each once however often it was asked for. */
  payments: TestPayment[]
  /** A proof of a payment of its own; `claims` replaces any of them, `undefined` leaves one out. */
  proof(claims?: Record<string, unknown>, header?: Record<string, unknown>): Promise<string>
  /** What an agent sends in `PAYMENT-SIGNATURE`. */
  signature(proof: string): string
  /** What the endpoint asks: an entry of `accepts`. */
  requirement: PaymentRequirements
  jwks(): { keys: Record<string, string>[] }
  quote(): Record<string, unknown>
}

const EDGE = 'https://edge.payos.test'

/** Starts one. Two of them share nothing: a proof of one is forged to the other. */
export async function testPayos(options: TestPayosOptions = {}): Promise<TestPayos> {
  const key = await makeProofKey()
  const shop = {
    providerId: '40000000-0000-4000-8000-00000000000a',
    endpointId: '50000000-0000-4000-8000-00000000000a',
    method: 'GET',
    url: 'https://api.example/weather',
    price: '0.001',
    currency: 'USDC',
    nowSeconds: () => Math.floor(Date.now() / 1000),
    ...options,
  }
  const payos: TestPayos = {
    fetch: (input, init) => answer(payos, { key, shop }, new Request(input, init)),
    elsewhere: () => Promise.reject(new TypeError('fetch failed: nothing is out there')),
    provider: {
      edge: EDGE,
      providerId: shop.providerId,
      endpointId: shop.endpointId,
      environment: 'test',
      fetch: (input, init) => payos.fetch(input, init),
      nowSeconds: shop.nowSeconds,
    },
    payments: [],
    proof: async (claims, header) =>
      signProof(key, { ...(await claimsFor(shop, {})), ...claims }, header),
    signature: (proof) => {
      const accepted = requirementOf(shop)
      return encodeHeader({ x402Version: 2, accepted, payload: { proof, requestId: 'test' } })
    },
    requirement: requirementOf(shop),
    jwks: () => ({ keys: [key.publicJwk] }),
    quote: () => quoteOf(shop),
  }
  return payos
}

type Shop = Required<TestPayosOptions>

const requirementOf = (shop: Shop): PaymentRequirements => ({
  scheme: 'payos-ticket',
  network: 'payos:test',
  amount: String(parseUnits(shop.price)),
  asset: shop.currency,
  payTo: shop.providerId,
  maxTimeoutSeconds: 120,
  extra: { issuer: EDGE, endpointId: shop.endpointId, pv: 1 },
})

const quoteOf = (shop: Shop) => ({
  endpointId: shop.endpointId,
  providerId: shop.providerId,
  price: formatUnits(parseUnits(shop.price) ?? 0n),
  currency: shop.currency,
  method: shop.method,
  resource: shop.url,
  priceVersion: 1,
  requirement: requirementOf(shop),
})

async function claimsFor(
  shop: Shop,
  { id = crypto.randomUUID(), resource = shop.url, requestId = 'test' },
): Promise<Record<string, unknown>> {
  const iat = shop.nowSeconds()
  return {
    iss: EDGE,
    aud: shop.providerId,
    sub: '20000000-0000-4000-8000-00000000000a',
    jti: id as string,
    eid: shop.endpointId,
    rid: requestId,
    amount: String(parseUnits(shop.price)),
    asset: shop.currency,
    network: 'payos:test',
    rsh: await resourceHash(shop.method, resource),
    st: 'settled',
    pv: 1,
    iat,
    exp: iat + 120,
    rdm: iat + 900,
  }
}

async function answer(
  payos: TestPayos,
  { key, shop }: { key: ProofKey; shop: Shop },
  request: Request,
): Promise<Response> {
  const { origin, pathname, searchParams } = new URL(request.url)
  if (origin !== EDGE) return payos.elsewhere(request)
  if (pathname === '/.well-known/jwks.json') return Response.json(payos.jwks())
  if (pathname === `/v1/x402/endpoints/${shop.endpointId}`) return Response.json(payos.quote())
  if (pathname === '/v1/x402/pay') {
    return pay(payos, { key, shop }, (await request.json()) as Record<string, string>)
  }
  const requestId = searchParams.get('requestId')
  const found = payos.payments.find((payment) => payment.requestId === requestId)
  return pathname === '/v1/x402/payments' && found
    ? Response.json(found)
    : refusal('not_found', 404)
}

async function pay(
  payos: TestPayos,
  { key, shop }: { key: ProofKey; shop: Shop },
  body: Record<string, string>,
): Promise<Response> {
  const { amount = '', requestId = '', resource = shop.url, endpointId } = body
  if (endpointId !== shop.endpointId) return refusal('not_found', 404)
  if (parseUnits(amount) !== parseUnits(shop.price)) return refusal('price_changed', 409)
  const content = { ...body, amount: parseUnits(amount) } as unknown as PaymentContent
  const paymentId = await paymentIdOf(content)
  const made = payos.payments.find((payment) => payment.requestId === requestId)
  if (made && made.paymentId !== paymentId) return refusal('payment_conflict', 409)
  if (!made) payos.payments.push({ paymentId, requestId, amount, resource })
  const claims = await claimsFor(shop, { id: paymentId as never, resource, requestId })
  return Response.json({
    ...body,
    paymentId,
    transferId: paymentId,
    status: 'settled',
    proof: await signProof(key, claims),
    proofExpiresAt: new Date((shop.nowSeconds() + 120) * 1000).toISOString(),
    replayed: made !== undefined,
  })
}

const refusal = (code: string, status: number) =>
  Response.json(
    { code, status, retry: code === 'price_changed' ? 'new_quote' : 'never', detail: code },
    { status, headers: { 'Content-Type': 'application/problem+json' } },
  )
