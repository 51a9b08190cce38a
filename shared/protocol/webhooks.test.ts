import { describe, it } from 'vitest'
import { readJson } from '../domain/json.ts'
import { Amount } from '../domain/money.ts'
import type { Payment } from '../domain/payment.ts'
import { EventId, type WebhookEvent } from '../domain/webhook-event.ts'
import { WebhookCallback, webhookBody } from './webhooks.ts'

const ID = 'aa9c6795-3cf9-883e-87d9-4479924b03c6'

const payment = {
  id: ID,
  requestId: 'doc-1',
  endpointId: '50000000-0000-4000-8000-000000000002',
  agentId: '20000000-0000-4000-8000-000000000001',
  amount: Amount.parse('1000'),
  currency: 'USDC',
  state: 'settled',
} as unknown as Payment

const event = (over: Partial<WebhookEvent>): WebhookEvent => ({
  id: EventId.parse(ID),
  kind: 'payment.settled',
  subjectId: ID,
  sequence: 7,
  happenedAt: 1_795_176_000,
  payment: undefined,
  facts: {},
  ...over,
})

const dataOf = (over: Partial<WebhookEvent>) => JSON.parse(webhookBody(event(over))).data

describe('the body of a webhook', () => {
  it('is the event with its payment, as /verify shows it', ({ expect }) => {
    expect(JSON.parse(webhookBody(event({ payment })))).toEqual({
      type: 'payment.settled',
      timestamp: '2026-11-20T12:00:00Z',
      sequence: 7,
      data: {
        paymentId: ID,
        requestId: 'doc-1',
        endpointId: payment.endpointId,
        agentId: payment.agentId,
        amount: '0.001',
        currency: 'USDC',
        status: 'settled',
      },
    })
  })

  it('tells what else there is, amounts in currency units', ({ expect }) => {
    const facts = { refund_id: 'r', refunded: '400', captured: '600' }

    expect(dataOf({ kind: 'payment.refunded', payment, facts })).toMatchObject({
      paymentId: ID,
      amount: '0.001',
      refundId: 'r',
      refunded: '0.0004',
      captured: '0.0006',
    })
  })

  it('tells of a promise that nothing covered what was promised', ({ expect }) => {
    const facts = { request_id: 'r0', amount: '1000', currency: 'EURC', code: 'lease_overdrawn' }

    expect(dataOf({ kind: 'payment.failed', facts })).toEqual({
      paymentId: ID,
      requestId: 'r0',
      amount: '0.001',
      currency: 'EURC',
      code: 'lease_overdrawn',
    })
  })

  it('tells of a lease which one', ({ expect }) => {
    const facts = { wallet_id: 'w', region: 'eu', reason: 'terms' }

    expect(dataOf({ kind: 'lease.revoked', facts })).toEqual({
      leaseId: ID,
      walletId: 'w',
      region: 'eu',
      reason: 'terms',
    })
  })
})

describe('a callback', () => {
  const read = (text: string) => {
    const json = readJson(new TextEncoder().encode(text))
    return WebhookCallback.safeParse(json.ok ? json.value : undefined).data
  }

  it.for([
    [`{"eventId":"${ID}","attempt":12}`, { eventId: ID, attempt: 12 }],
    ['{"outbox":1795176000}', { outbox: 1_795_176_000 }],
    [`{"eventId":"${ID}","attempt":1.5}`, undefined],
    [`{"eventId":"${ID}","attempt":-1}`, undefined],
    [`{"eventId":"${ID.toUpperCase()}","attempt":1}`, undefined],
    [`{"eventId":"${ID}"}`, undefined],
    ['{"outbox":1e3}', undefined],
    ['{"shard":1}', undefined],
  ] as const)('of %s is read as %j', ([text, wanted], { expect }) => {
    expect(read(text)).toEqual(wanted)
  })
})
