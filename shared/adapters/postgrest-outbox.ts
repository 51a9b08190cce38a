import * as z from 'zod'
import { Uuid } from '../domain/ids.ts'
import { ok } from '../domain/result.ts'
import { EventId, eventKinds, type WebhookEvent } from '../domain/webhook-event.ts'
import type { BegunDelivery, Outbox } from '../ports.ts'
import { unavailable } from './ledger-failures.ts'
import { Row } from './ledger-rows.ts'
import { caller, type LedgerAddress } from './postgrest-call.ts'

/** What `api.take_x402_events` answers. */
const Taken = z.lazy(() =>
  z.array(
    z
      .object({ event_id: EventId, attempt: z.int() })
      .transform((row) => ({ eventId: row.event_id, attempt: row.attempt })),
  ),
)

const Event = z.lazy(() =>
  z
    .object({
      event_id: EventId,
      kind: z.enum(eventKinds),
      subject_id: Uuid,
      seq: z.int(),
      happened_at: z.int(),
      payment: Row.nullish(),
      facts: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
    })
    .transform(
      (row): WebhookEvent => ({
        id: row.event_id,
        kind: row.kind,
        subjectId: row.subject_id,
        sequence: row.seq,
        happenedAt: row.happened_at,
        payment: row.payment ?? undefined,
        facts: row.facts,
      }),
    ),
)

/** What `api.begin_x402_delivery` answers. */
const Begun: z.ZodType<BegunDelivery> = z.lazy(() =>
  z.union([
    z.object({ outcome: z.literal('over') }),
    z.object({ outcome: z.literal('under_way') }),
    z.object({
      outcome: z.literal('deliver'),
      event: Event,
      url: z.string(),
      secrets: z.array(z.string()).min(1),
    }),
  ]),
)

/** What `api.end_x402_delivery` answers. */
const Ended = z.enum(['delivered', 'later', 'dead', 'disabled', 'over'])

/** The outbox in the ledger, by the role that drains it. */
export function postgrestOutbox(address: LedgerAddress): Outbox {
  const call = caller(address)
  return {
    async take(most) {
      const called = await call('take_x402_events', { most })
      if (!called.ok) throw new Error(`taking events failed: ${called.failed.code}`)
      return Taken.parse(called.data)
    },

    async begin({ eventId, attempt }, trips) {
      const called = await call('begin_x402_delivery', { event_id: eventId, attempt }, trips)
      const begun = called.ok ? Begun.safeParse(called.data) : undefined
      return begun?.success ? ok(begun.data) : unavailable()
    },

    async end({ eventId, attempt, answer }, trips) {
      const args = {
        event_id: eventId,
        attempt,
        answer: answer.answer,
        retry_after: answer.retryAfterSeconds ?? null,
      }
      const called = await call('end_x402_delivery', args, trips)
      const ended = called.ok ? Ended.safeParse(called.data) : undefined
      return ended?.success ? ok(ended.data) : unavailable()
    },
  }
}
