import * as z from 'zod'
import type { Wakes } from '../ports.ts'

export type QstashAddress = {
  url: string
  token: string
  /** The origin QStash reaches this deployment at. */
  origin: string
}

/** A publish waits at most this long. It is never repeated: whatever it wakes looks by itself too. */
const TIMEOUT_MS = 5_000

/** Messages of one call. */
const BATCH_MAX = 100

/** How long QStash waits for a callback: longer than a delivery and its two trips may take. */
const CALLBACK_TIMEOUT = '60s'

/** QStash answers each message of a batch on its own. */
const Published = z.lazy(() => z.array(z.object({ messageId: z.string().optional() })))

type Message = { path: string; body: unknown; deduplicationId: string; notBefore?: number }

/** Wakes by messages of QStash, each known by an id, so that wakes of the same moment are one. */
export function qstashWakes(address: QstashAddress): Wakes {
  /** The last second this isolate asked to be woken for its outbox. */
  let outboxSecond = 0

  return {
    wakeShard: ({ region, shard, second }) =>
      publish(address, [
        {
          path: '/internal/settlements',
          body: { region, shard },
          deduplicationId: `shard-${region}-${shard}-${second}`,
          notBefore: second + 1,
        },
      ]),

    async wakeOutbox(second) {
      if (second === outboxSecond) return true
      outboxSecond = second
      return publish(address, [
        {
          path: '/internal/webhooks',
          body: { outbox: second },
          deduplicationId: `outbox-${second}`,
          notBefore: second + 1,
        },
      ])
    },

    publishWebhooks: (deliveries) =>
      publish(
        address,
        deliveries.map(({ eventId, attempt }) => ({
          path: '/internal/webhooks',
          body: { eventId, attempt },
          deduplicationId: `${eventId}-${attempt}`,
        })),
      ),
  }
}

async function publish(address: QstashAddress, messages: readonly Message[]): Promise<boolean> {
  let accepted = 0
  for (let at = 0; at < messages.length; at += BATCH_MAX) {
    accepted += await publishBatch(address, messages.slice(at, at + BATCH_MAX))
  }
  return accepted === messages.length
}

/** How many messages QStash took; whatever goes wrong, none. */
async function publishBatch(
  { url, token, origin }: QstashAddress,
  messages: readonly Message[],
): Promise<number> {
  const batch = messages.map((message) => ({
    destination: origin + message.path,
    headers: headersOf(message),
    body: JSON.stringify(message.body),
  }))
  try {
    const answer = await fetch(`${url}/v2/batch`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(batch),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    if (!answer.ok) return 0
    const published = Published.safeParse(await answer.json())
    return (published.data ?? []).filter(({ messageId }) => messageId !== undefined).length
  } catch {
    return 0
  }
}

const headersOf = ({ deduplicationId, notBefore }: Message): Record<string, string> => ({
  'Content-Type': 'application/json',
  'Upstash-Deduplication-Id': deduplicationId,
  'Upstash-Timeout': CALLBACK_TIMEOUT,
  ...(notBefore !== undefined && { 'Upstash-Not-Before': String(notBefore) }),
})
