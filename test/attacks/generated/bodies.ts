import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import type * as z from 'zod'
import { PayBody } from '../../../shared/protocol/pay.ts'
import { RefundBody } from '../../../shared/protocol/refund.ts'
import { SettleBody } from '../../../shared/protocol/settle.ts'
import { PaymentBody, ProofBody } from '../../../shared/protocol/verify.ts'
import { signPayment } from '../../support/signer.ts'
import type { Agent } from '../../support/world.ts'
import { type Cast, meaningful } from './cast.ts'
import { fromSchema, membersOf } from './from-schema.ts'

export type Body = Record<string, unknown>

/** A request by what it is meant to be, before anything is done to it. */
export type Plan = { route: string; path: string; method: string; body?: Body; key?: string }

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

/** Orders of those who may pay, and of one who may not pay much. */
export const payments = (cast: Cast): fc.Arbitrary<Plan> =>
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

/** What a provider asks of its payments, in our own words and in the open standard's. */
export const providers = (cast: Cast): fc.Arbitrary<Plan> =>
  fc.oneof(
    { weight: 3, arbitrary: proofs(cast) },
    lookUps(cast),
    presented(cast),
    captures(cast),
    refunds(cast),
    standard(cast),
  )

const post = (route: string, { endpoint }: Cast) => ({
  route,
  path: `/v1/x402/${route}`,
  method: 'POST',
  key: endpoint.provider.apiKey,
})

function proofs(cast: Cast): fc.Arbitrary<Plan> {
  const { endpoint, proofs: known } = cast
  const check = { proof: known[0], endpointId: endpoint.id, method: 'GET', resource: endpoint.url }
  return bodyOf(ProofBody, cast, check).map((body) => ({ ...post('verify', cast), body }))
}

const lookUps = (cast: Cast): fc.Arbitrary<Plan> =>
  bodyOf(PaymentBody, cast, {
    paymentId: cast.payments[0]?.id,
    requestId: cast.payments[0]?.requestId,
  }).map((body) => ({ ...post('verify', cast), body }))

const presented = (cast: Cast): fc.Arbitrary<Plan> =>
  fc
    .array(fc.constantFrom(...cast.proofs, 'a.b.c', ''), { maxLength: 101 })
    .map((shown) => ({ ...post('verify', cast), body: { proofs: shown } }))

const captures = (cast: Cast): fc.Arbitrary<Plan> =>
  fc
    .constantFrom({ paymentId: cast.held.id }, { proof: cast.proofs[3] }, {})
    .chain((target) => bodyOf(SettleBody, cast, { ...target, amount: '0.0004' }))
    .map((body) => ({ ...post('settle', cast), body }))

const refunds = (cast: Cast): fc.Arbitrary<Plan> =>
  bodyOf(RefundBody, cast, {
    paymentId: cast.payments[1]?.id,
    refundId: 'one',
    amount: '0.0001',
  }).map((body) => ({ ...post('refund', cast), body }))

/** A body of the open standard, right or with one part of it replaced. */
function standard(cast: Cast): fc.Arbitrary<Plan> {
  const { endpoint } = cast
  const required = {
    scheme: 'payos-ticket',
    network: 'payos:test',
    amount: endpoint.price,
    asset: 'USDC',
    payTo: endpoint.provider.id,
    maxTimeoutSeconds: 120,
    extra: { endpointId: endpoint.id },
  }
  const identifier = { 'payment-identifier': { info: { required: true, id: 'a'.repeat(20) } } }
  const wrong = fc.constantFrom<Body>(
    ...[{ scheme: 'exact' }, { network: 'payos:main' }, { amount: '-1' }, { amount: '0' }],
    ...[{ payTo: null }, { extra: {} }, { extra: null }, { asset: 'EURC' }, {}, {}, {}, {}],
  )
  return fc
    .record({
      route: fc.constantFrom('verify', 'settle'),
      version: fc.constantFrom<unknown>(2, 2, 2, 2, 2, 1, '2', null, 2.5),
      proof: fc.constantFrom(...cast.proofs, 'a.b.c'),
      extensions: fc.constantFrom<unknown>(undefined, undefined, identifier, null, []),
      wrong,
      both: fc.boolean(),
    })
    .map(({ route, version, proof, extensions, wrong, both }) => {
      const paymentRequirements = { ...required, ...wrong }
      const accepted = both ? paymentRequirements : required
      const paymentPayload = { x402Version: version, accepted, payload: { proof }, extensions }
      return {
        ...post(route, cast),
        body: { x402Version: version, paymentPayload, paymentRequirements },
      }
    })
}
