import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { badValues } from '../../support/bad-values.ts'
import { type Body, type Plan, payments, providers } from './bodies.ts'
import type { Cast } from './cast.ts'

export type Attack = {
  route: string
  path: string
  method: string
  headers: Record<string, string>
  body: string | undefined
}

/** Any request of any route: as it should be, nearly so, or hostile. */
export function requestsTo(cast: Cast): fc.Arbitrary<Attack> {
  const plans = fc.oneof(
    { weight: 8, arbitrary: payments(cast) },
    { weight: 8, arbitrary: providers(cast) },
    { weight: 4, arbitrary: reads(cast) },
    { weight: 1, arbitrary: elsewhere },
  )
  return fc
    .record({ plan: plans, key: keysOf(cast), spoiled: spoiling, headers: extraHeaders })
    .map(({ plan, key, spoiled, headers }) => asSent(plan, { key, spoiled, headers }))
}

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
      get('supported', '/v1/x402/supported'),
      get('discovery', '/v1/x402/discovery/resources'),
      get('discovery', '/v1/x402/discovery/resources?limit=1e9&offset=-1'),
      get('discovery', '/v1/x402/discovery/resources?limit=100&offset=10000&type=mcp'),
      get('health', '/health'),
      get('ready', '/ready'),
      get('problems', '/problems'),
      get('metrics', '/v1/metrics', metrics),
    ),
    fc.constantFrom('/internal/webhooks', '/internal/settlements').map((path) => ({
      ...{ ...get('callback', path), method: 'POST', body: { outbox: 1 } },
    })),
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
