import { parseRetryAfter } from '../domain/retry-after.ts'
import type { Clock, WebhookPost } from '../ports.ts'

/** How long a receiver has to answer. */
const TIMEOUT_MS = 15_000

/**
 * Posts to receivers nobody here controls.
 *
 * A redirect is an answer like any other and is not followed: only the registered address was
 * judged. Of the answer, status and `Retry-After` are read and the body is not, however long it is.
 */
export function webhookPost(clock: Clock, timeoutMs = TIMEOUT_MS): WebhookPost {
  return async ({ url, headers, body }) => {
    try {
      const answer = await fetch(url, {
        method: 'POST',
        redirect: 'manual',
        headers: { ...headers, 'user-agent': 'PayOS-Webhooks/1' },
        body,
        signal: AbortSignal.timeout(timeoutMs),
      })
      await answer.body?.cancel()
      const wish = answer.headers.get('retry-after') ?? ''
      return {
        answer: String(answer.status),
        retryAfterSeconds: parseRetryAfter(wish, clock.nowSeconds()),
      }
    } catch (cause) {
      const isLate = cause instanceof Error && cause.name === 'TimeoutError'
      return { answer: isLate ? 'timeout' : 'no_answer', retryAfterSeconds: undefined }
    }
  }
}
