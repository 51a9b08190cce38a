import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import type * as z from 'zod'
import { PayBody } from '../../../shared/protocol/pay.ts'
import { PaymentBody, ProofBody } from '../../../shared/protocol/verify.ts'
import { badValues } from '../../support/bad-values.ts'
import { signPayment } from '../../support/signer.ts'
import type { Agent } from '../../support/world.ts'
import { type Cast, meaningful } from './cast.ts'
import { fromSchema, membersOf } from './from-schema.ts'

export type Attack = {
  route: string
  path: string
  method: string
  headers: Record<string, string>
  body: string | undefined
}

type Body = Record<string, unknown>

/** A request by what it is meant to be, before anything is done to it. */
type Plan = { route: string; path: string; method: string; body?: Body; key?: string }

/** Any request of any route: as it should be, nearly so, or hostile. */
export function requestsTo(cast: Cast): fc.Arbitrary<Attack> {
  const plans = fc.oneof(
    { weight: 8, arbitrary: payments(cast) },
    { weight: 4, arbitrary: fc.oneof(proofs(cast), lookUps(cast)) },
    { weight: 4, arbitrary: reads(cast) },
    { weight: 1, arbitrary: elsewhere },
  )
  return fc
    .record({ plan: plans, key: keysOf(cast), spoiled: spoiling, headers: extraHeaders })
    .map(({ plan, key, spoiled, headers }) => asSent(plan, { key, spoiled, headers }))
}

/** A body by its schema: each member of its structure, or one that means something here. */
function bodyOf(schema: z.ZodType, cast: Cast, known: Body): fc.Arbitrary<Body> {
  const shape = schema._zod.def as unknown as { shape: Record<string, z.ZodType> }
  const members = membersOf(schema).map(({ name, isOptional }) => {
    const meant = meaningful(cast)[name]
    const good = name in known ? fc.constant(known[name]) : fc.constant(undefined)
    const taken = fromSchema(shape.shape[name] as z.ZodType)
    const some = meant ? fc.constantFrom(...meant) : taken
    return [
      name,
      fc.oneof(
        { weight: 24, arbitrary: good },
        { weight: 3, arbitrary: some },
        { weight: 1, arbitrary: isOptional ? fc.constant(undefined) : taken },
        { weight: 1, arbitrary: taken },
      ),
    ] as const
  })
  return fc.record(Object.fromEntries(members))
}

/** Stands for the moment a request is made, which a long run moves. */
const NOW = 'now'

const payments = (cast: Cast): fc.Arbitrary<Plan> =>
  fc.oneof(
    { weight: 3, arbitrary: paymentsOf(cast.payer, cast) },
    paymentsOf(cast.signer, cast),
    paymentsOf(cast.rival, cast),
  )

function paymentsOf({ walletId, apiKey, signer }: Agent, cast: Cast): fc.Arbitrary<Plan> {
  const { world, endpoint } = cast
  const known: Body = {
    endpointId: endpoint.id,
    walletId,
    amount: '0.001',
    currency: 'USDC',
    timestamp: NOW,
    method: 'GET',
    resource: endpoint.url,
  }
  return bodyOf(PayBody, cast, known).map((made) => {
    const now = Math.floor(world.payos.clock.now() / 1000)
    const timestamp = made['timestamp'] === NOW ? now : made['timestamp']
    const body = { ...made, timestamp, requestId: made['requestId'] ?? randomUUID() }
    const isSigned = signer && made['signature'] === undefined
    return {
      route: 'pay',
      path: '/v1/x402/pay',
      method: 'POST',
      body: isSigned ? signPayment(body, signer, world.payos.issuer) : body,
      key: apiKey,
    }
  })
}

function proofs(cast: Cast): fc.Arbitrary<Plan> {
  const { endpoint, proofs: known } = cast
  const check = { proof: known[0], endpointId: endpoint.id, method: 'GET', resource: endpoint.url }
  return bodyOf(ProofBody, cast, check).map((body) => ({
    ...toVerify,
    body,
    key: endpoint.provider.apiKey,
  }))
}

const lookUps = (cast: Cast): fc.Arbitrary<Plan> =>
  bodyOf(PaymentBody, cast, {
    paymentId: cast.payments[0]?.id,
    requestId: cast.payments[0]?.requestId,
  }).map((body) => ({ ...toVerify, body, key: cast.endpoint.provider.apiKey }))

const toVerify = { route: 'verify', path: '/v1/x402/verify', method: 'POST' }

/** What is asked by address alone. */
function reads(cast: Cast): fc.Arbitrary<Plan> {
  const ids = [...cast.payments.map(({ id }) => id), cast.endpoint.id, randomUUID(), '%00', 'a b']
  const names = cast.payments.map(
    ({ requestId }) => `?walletId=${cast.payer.walletId}&requestId=${requestId}`,
  )
  const metrics = cast.world.payos.secrets.metricsToken
  const get = (route: string, path: string, key = cast.payer.apiKey): Plan => ({
    ...{ route, path, method: 'GET', key },
  })
  return fc.oneof(
    fc.constantFrom(...ids).map((id) => get('payments', `/v1/x402/payments/${id}`)),
    fc
      .constantFrom(...names, '?walletId=', '')
      .map((it) => get('payments', `/v1/x402/payments${it}`)),
    fc.constantFrom(...ids).map((id) => get('endpoints', `/v1/x402/endpoints/${id}`)),
    fc.constantFrom(
      get('jwks', '/.well-known/jwks.json'),
      get('health', '/health'),
      get('ready', '/ready'),
      get('problems', '/problems'),
      get('metrics', '/v1/metrics', metrics),
    ),
    fc.constant({ ...get('callback', '/internal/webhooks'), method: 'POST', body: { outbox: 1 } }),
  )
}

const elsewhere: fc.Arbitrary<Plan> = fc
  .oneof(
    fc.constantFrom('/', '/v1', '/v9/x402/pay', '/v1/x402/pay/', '//v1/x402/pay', '/__proto__'),
    fc.webPath(),
  )
  .map((path) => ({ route: 'other', path: path || '/', method: 'GET' }))

/** Which key is shown, when it is not the one that belongs there. */
const keysOf = (cast: Cast): fc.Arbitrary<string | undefined | 'own'> =>
  fc.oneof(
    { weight: 12, arbitrary: fc.constant('own') },
    {
      weight: 3,
      arbitrary: fc.constantFrom(
        ...[cast.payer, cast.rival, cast.signer].map(({ apiKey }) => apiKey),
        ...[cast.endpoint, cast.other].map(({ provider }) => provider.apiKey),
        cast.unknownKey,
        cast.proofs[0],
        cast.payer.apiKey.slice(0, -1),
        undefined,
      ),
    },
    { weight: 1, arbitrary: fc.stringMatching(/^[!-~]{0,120}$/) },
  )

const hostileText = fc.oneof(
  fc.constantFrom(...Object.values(badValues).flat()),
  fc.jsonValue({ maxDepth: 20 }).map((value) => JSON.stringify(value)),
  fc.string().map((value) => JSON.stringify(value)),
)

type Spoiled = { member: number; text: string } | { at: number; cut: number; text: string }

/** What is done to the text of a body: nothing, another member's value, or a cut through it. */
const spoiling: fc.Arbitrary<Spoiled | undefined> = fc.oneof(
  { weight: 6, arbitrary: fc.constant(undefined) },
  { weight: 2, arbitrary: fc.record({ member: fc.nat(14), text: hostileText }) },
  {
    weight: 1,
    arbitrary: fc.record({
      at: fc.nat(400),
      cut: fc.nat(30),
      text: fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('{', '"', ',', '\\', '[')),
    }),
  },
)

const extraHeaders: fc.Arbitrary<Record<string, string>> = fc.oneof(
  { weight: 8, arbitrary: fc.constant({}) },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      ...[
        { 'idempotency-key': 'one' },
        { 'idempotency-key': '"' },
        { 'content-type': 'text/plain' },
        { 'content-encoding': 'gzip' },
        { 'x-forwarded-host': 'evil.example', 'x-original-url': '/v1/metrics' },
        { 'x-http-method-override': 'DELETE' },
        { 'cf-ray': 'ray"\\' },
        { traceparent: '00-ff' },
        { range: 'bytes=0-1' },
        { 'if-none-match': '*' },
      ],
    ),
  },
)

type Doing = { key: string | undefined; spoiled: Spoiled | undefined; headers: Attack['headers'] }

function asSent(plan: Plan, { key, spoiled, headers }: Doing): Attack {
  const shown = key === 'own' ? plan.key : key
  return {
    route: plan.route,
    path: plan.path,
    method: plan.method,
    headers: {
      ...(plan.body && { 'content-type': 'application/json' }),
      ...(shown !== undefined && { authorization: `Bearer ${shown}` }),
      ...headers,
    },
    body: plan.body && spoil(plan.body, spoiled),
  }
}

function spoil(body: Body, spoiled: Spoiled | undefined): string {
  const text = JSON.stringify(body)
  if (!spoiled) return text
  if ('at' in spoiled) {
    return text.slice(0, spoiled.at) + spoiled.text + text.slice(spoiled.at + spoiled.cut)
  }
  const name = Object.keys(body)[spoiled.member] ?? 'note'
  const rest = JSON.stringify({ ...body, [name]: undefined })
  const comma = rest === '{}' ? '' : ','
  return `${rest.slice(0, -1)}${comma}${JSON.stringify(name)}:${spoiled.text}}`
}
