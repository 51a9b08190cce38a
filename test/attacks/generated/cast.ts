import { randomBytes, randomUUID } from 'node:crypto'
import { makeApiKey } from '../../../shared/domain/api-key.ts'
import type { Agent, Endpoint, World } from '../../support/world.ts'

/** Whom and what generated requests name: two of each, so that they can be confused. */
export type Cast = {
  world: World
  payer: Agent
  signer: Agent
  rival: Agent
  endpoint: Endpoint
  other: Endpoint
  /** Of the payer for the endpoint, and one that has been used. */
  proofs: string[]
  payments: { id: string; requestId: string }[]
  /** A payment that its provider may still capture. */
  held: { id: string }
  unknownKey: string
}

export async function makeCast(world: World): Promise<Cast> {
  const [payer, signer, rival] = [
    await world.agent(),
    await world.agent({ signs: true }),
    await world.agent({ funds: '1500', paymentMax: '2000' }),
  ]
  const [endpoint, other] = [
    await world.endpoint(),
    await world.endpoint({ price: '2500', method: 'POST', url: 'https://other.example/' }),
  ]
  const paid = [
    await world.pay(payer, endpoint),
    await world.pay(signer, endpoint),
    await world.pay(payer, other),
    await world.pay(payer, endpoint, { body: { capture: 'manual' } }),
  ].map(({ body }) => body)
  return {
    world,
    payer,
    signer,
    rival,
    endpoint,
    other,
    proofs: paid.map(({ proof }) => proof),
    payments: paid.map(({ paymentId, requestId }) => ({ id: paymentId, requestId })),
    held: { id: paid[3]?.paymentId },
    unknownKey: makeApiKey({ kind: 'agent', environment: 'test', random: randomBytes(96) }),
  }
}

/** What no answer, log line or metric may have, by the place it comes from. */
export function secretsOf({ world, payer, signer, rival, endpoint, other, unknownKey }: Cast) {
  const { proofKeys, ...rest } = world.payos.secrets
  const named: Record<string, string> = {
    ...rest,
    proofKey: JSON.parse(proofKeys)[0].d,
    payer: payer.apiKey,
    signer: signer.apiKey,
    rival: rival.apiKey,
    provider: endpoint.provider.apiKey,
    otherProvider: other.provider.apiKey,
    unknownKey,
  }
  return Object.entries(named)
}

/** Values of each member that mean something here, beside those its schema would take. */
export const meaningful = (cast: Cast): Record<string, readonly unknown[]> => ({
  endpointId: [cast.endpoint.id, cast.other.id, randomUUID()],
  walletId: [cast.payer.walletId, cast.signer.walletId, cast.rival.walletId, randomUUID()],
  amount: ['0.001', '0.0025', '0.0010', 0.001, '0', '0.000999', '9007199254.740991'],
  currency: ['USDC', 'EURC'],
  timestamp: [...secondsAround(cast.world), new Date(cast.world.payos.clock.now()).toISOString()],
  method: ['GET', 'POST', 'get', 'DELETE'],
  resource: [
    cast.endpoint.url,
    `${cast.endpoint.url}/a?b=c`,
    cast.other.url,
    'https://evil.example/',
  ],
  requestId: ['one', 'two', ...cast.payments.map(({ requestId }) => requestId)],
  paymentId: [...cast.payments.map(({ id }) => id), randomUUID()],
  transferId: cast.payments.map(({ id }) => id),
  publicKey: [cast.signer.signer?.publicJwk],
  signature: ['A'.repeat(86)],
  proof: [...cast.proofs, ...cast.proofs.map((it) => `${it.slice(0, -1)}A`), 'a.b.c'],
  attemptId: ['one', 'two'],
  refundId: ['one', 'two'],
})

const secondsAround = (world: World) =>
  [0, -299, 299, -301, 301].map((seconds) => Math.floor(world.payos.clock.now() / 1000) + seconds)
