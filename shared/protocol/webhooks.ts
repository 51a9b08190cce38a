import * as z from 'zod'
import { Amount, formatDecimal } from '../domain/money.ts'
import type { Payment } from '../domain/payment.ts'
import { EventId, type WebhookEvent } from '../domain/webhook-event.ts'
import { Whole } from './fields.ts'
import { isoSeconds } from './pay.ts'
import { paymentSummary } from './payments.ts'

/** What QStash brings to `/internal/webhooks`: one attempt, or the second of a look at the outbox. */
export const WebhookCallback = z.union([
  z.strictObject({ eventId: EventId, attempt: Whole }),
  z.strictObject({ outbox: Whole }),
])

/** The body of a webhook, the same bytes at every attempt. */
export const webhookBody = ({ kind, sequence, happenedAt, payment, facts }: WebhookEvent): string =>
  JSON.stringify({
    type: kind,
    timestamp: isoSeconds(happenedAt),
    sequence,
    data: { ...(payment && paymentSummary(payment)), ...renamed(facts, payment) },
  })

/** Facts about amounts; they are digits in the ledger and decimals to everyone else. */
const amounts = ['captured', 'released', 'refunded']

function renamed(facts: WebhookEvent['facts'], payment: Payment | undefined) {
  return Object.fromEntries(
    Object.entries(facts).map(([name, value]) => [
      name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
      payment && amounts.includes(name)
        ? formatDecimal(Amount.parse(value), payment.currency)
        : value,
    ]),
  )
}
