import * as z from 'zod'
import { Amount, Currency, formatDecimal } from '../domain/money.ts'
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
export function webhookBody(event: WebhookEvent): string {
  const { kind, subjectId, payment, facts } = event
  const subject = kind.startsWith('lease.') ? { leaseId: subjectId } : { paymentId: subjectId }
  return JSON.stringify({
    type: kind,
    timestamp: isoSeconds(event.happenedAt),
    sequence: event.sequence,
    data: { ...subject, ...(payment && paymentSummary(payment)), ...renamed(facts, payment) },
  })
}

/** Facts about amounts; they are digits in the ledger and decimals to everyone else. */
const amounts = ['amount', 'captured', 'released', 'refunded']

function renamed(facts: WebhookEvent['facts'], payment: Payment | undefined) {
  const { data: currency } = Currency.safeParse(payment?.currency ?? facts['currency'])
  return Object.fromEntries(
    Object.entries(facts).map(([name, value]) => [
      name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
      currency && amounts.includes(name) ? formatDecimal(Amount.parse(value), currency) : value,
    ]),
  )
}
