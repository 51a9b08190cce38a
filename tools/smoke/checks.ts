import { compactVerify, importJWK } from 'jose'
import * as z from 'zod'
import { splitCompactJws } from '../../shared/domain/compact-jws.ts'
import { PublicJwk, thumbprint } from '../../shared/domain/pay-signature.ts'
import { judgeClaims, ProofClaims } from '../../shared/domain/proof.ts'
import { resourceHash } from '../../shared/domain/resource.ts'
import { ask, demand, type Reply, type Site } from './site.ts'

/** A published key: exactly the public members, so that a private one is a failure. */
const PublishedKey = z.strictObject({
  ...PublicJwk.shape,
  kid: z.string(),
  use: z.literal('sig'),
  alg: z.literal('EdDSA'),
})
export type PublishedKey = z.output<typeof PublishedKey>

const Quote = z.object({
  price: z.string(),
  currency: z.enum(['USDC', 'EURC']),
  method: z.string(),
  resource: z.string(),
  providerId: z.string(),
  requirement: z.object({ amount: z.string(), network: z.string() }),
})
export type Quote = z.output<typeof Quote>

const Paid = z.object({ paymentId: z.string(), proof: z.string(), replayed: z.boolean() })
export type Paid = z.output<typeof Paid>

function read<Schema extends z.ZodType>(schema: Schema, { body }: Reply): z.output<Schema> {
  const parsed = schema.safeParse(body)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new Error(`the answer has another form at "${issue?.path.join('.') ?? ''}"`)
}

export async function checkStatus(site: Site, path: string, status: string): Promise<void> {
  read(z.object({ status: z.literal(status) }), demand(await ask(site, path), 200))
}

/** The published keys: at least one, no private member, each named by its thumbprint. */
export async function checkKeySet(site: Site): Promise<PublishedKey[]> {
  const reply = demand(await ask(site, '/.well-known/jwks.json'), 200)
  const { keys } = read(z.object({ keys: z.array(PublishedKey).min(1) }), reply)
  for (const { kid, kty, crv, x } of keys) {
    if ((await thumbprint({ kty, crv, x })) !== kid) throw new Error(`${kid} is not its thumbprint`)
  }
  return keys
}

export async function checkQuote(site: Site, endpointId: string): Promise<Quote> {
  return read(Quote, demand(await ask(site, `/v1/x402/endpoints/${endpointId}`), 200))
}

/** Pays, or repeats a payment; the body says which, since the same body is the same payment. */
export async function checkPay(
  site: Site,
  body: string,
  wanted: { replayed: boolean },
): Promise<Paid> {
  const reply = await ask(site, '/v1/x402/pay', {
    method: 'POST',
    body,
    headers: {
      'content-type': 'application/json',
      authorization: `Bearer ${site.payer?.apiKey ?? ''}`,
    },
  })
  const paid = read(Paid, demand(reply, 200))
  if (paid.replayed === wanted.replayed) return paid
  throw new Error(paid.replayed ? 'a new request was answered as a repeat' : 'it was paid twice')
}

/** Checks a proof as a provider does: by the published keys alone, asking nobody. */
export async function checkProof(
  proof: string,
  known: { site: Site; keys: PublishedKey[]; quote: Quote },
): Promise<string> {
  const split = splitCompactJws(proof)
  if (!split.ok) throw new Error(`the proof is malformed (${split.reason})`)
  const jwk = known.keys.find(({ kid }) => kid === split.kid)
  if (!jwk) throw new Error(`it was signed by ${split.kid}, which is not published`)
  await compactVerify(proof, await importJWK(jwk, 'EdDSA')).catch(() => {
    throw new Error('its signature is not by the published key')
  })
  const claims = ProofClaims.parse(split.claims)
  const { quote, site } = known
  const [fault] = judgeClaims(claims, {
    issuer: site.issuer,
    network: quote.requirement.network,
    nowSeconds: Math.floor(Date.now() / 1000),
    endpointId: site.payer?.endpointId,
    resourceHashes: [await resourceHash(quote.method, quote.resource)],
  })
  if (fault) throw new Error(`a provider would refuse it: ${fault}`)
  if (claims.aud !== quote.providerId) throw new Error('it is for another provider')
  if (claims.amount.toString() !== quote.requirement.amount) throw new Error('amounts differ')
  return `signed by ${split.kid.slice(0, 8)}`
}

/** The metrics are closed to whoever has no token, and open to the operator. */
export async function checkMetrics(site: Site): Promise<void> {
  demand(await ask(site, '/v1/metrics'), 401)
  const headers = { authorization: `Bearer ${site.metricsToken ?? ''}` }
  const { text } = demand(await ask(site, '/v1/metrics', { headers }), 200)
  if (!text.includes('payos_requests_total')) throw new Error('payos_requests_total is missing')
}
