import type { Answer } from './delivery.ts'
import { CALLER_IP, type Message, multiple } from './message.ts'
import type { Followup } from './plan.ts'
import { publish } from './publish.ts'
import type { State } from './state.ts'

/** How one attempt ended. */
export type Outcome = {
  answer: Answer | undefined
  /** Why there is no answer, or why it counts for nothing. */
  error: string | undefined
  /** No further attempt can end otherwise. */
  final: boolean
}

type Ending = { message: Message; outcome: Outcome; now: number; dlqId?: string }

/** Publishes the message that tells a callback URL how an attempt ended. */
export function publishFollowup(state: State, followup: Followup, ending: Ending): void {
  const { message, now } = ending
  publish(state, {
    destination: followup.url,
    headers: followup.given,
    body: Buffer.from(JSON.stringify(bodyOf(ending))),
    source: { messageId: message.id, queueName: message.queueName },
    now,
  })
}

function bodyOf({ message, outcome, dlqId }: Ending) {
  const { plan } = message
  return {
    status: outcome.answer?.status ?? 0,
    header: outcome.answer?.headers ?? {},
    body: (outcome.answer?.body ?? Buffer.from(outcome.error ?? '')).toString('base64'),
    // The hosted service leaves a zero out, and a consumer must live with that.
    retried: message.retried || undefined,
    maxRetries: plan.maxRetries,
    dlqId,
    sourceMessageId: message.id,
    topicName: message.topicName,
    endpointName: message.endpointName,
    url: message.url,
    method: plan.method,
    sourceHeader: multiple(plan.headers),
    sourceBody: message.body,
    notBefore: message.notBefore,
    createdAt: message.createdAt,
    scheduleId: message.scheduleId,
    callerIP: CALLER_IP,
  }
}
