import { Hono } from 'hono'
import type { Result } from '../shared/domain/result.ts'
import { signWebhook } from '../shared/domain/webhook-signature.ts'
import { webhookUrlFault } from '../shared/domain/webhook-url.ts'
import type { BegunDelivery, Delivery, DeliveryOutcome, WebhookAnswer } from '../shared/ports.ts'
import { WebhookCallback, webhookBody } from '../shared/protocol/webhooks.ts'
import { alarm } from './alarm.ts'
import { type CallbackDeps, poison, readCallback } from './callbacks.ts'
import type { Deps } from './deps.ts'
import { type PayosContext, type PayosEnv, refuse } from './http.ts'
import { flushOutbox } from './outbox.ts'

type WebhookDeps = CallbackDeps &
  Pick<Deps, 'clock' | 'environment' | 'issuer' | 'outbox' | 'postWebhook' | 'wakes'>

type Message = Extract<BegunDelivery, { outcome: 'deliver' }>

/** How long an attempt is left to whoever began it. */
const UNDER_WAY_SECONDS = 60

/**
 * `POST /internal/webhooks`, for QStash: makes one attempt to deliver one event, or sends all that
 * are due on their way.
 *
 * The ledger says what is to be delivered, where, and whether this attempt is still to be made; the
 * callback only says where to look. So a lost, doubled, late or forged one changes nothing.
 */
export const webhooks = (deps: WebhookDeps) =>
  new Hono<PayosEnv>().post('/', async (c) => {
    const callback = await readCallback(c, deps)
    if (!callback.ok) return refuse(c, callback.problem)
    const wanted = WebhookCallback.safeParse(callback.value)
    if (!wanted.success) return poison(c)
    if ('outbox' in wanted.data) return c.json({ sent: await flushOutbox(deps) })
    return deliver(c, deps, wanted.data)
  })

async function deliver(c: PayosContext, deps: WebhookDeps, delivery: Delivery) {
  const begun = await deps.outbox.begin(delivery, c.var.trips)
  if (!begun.ok) return refuse(c, begun.problem)
  const message = begun.value
  if (message.outcome !== 'deliver') return notNow(c, message.outcome)
  const answer = await attempt(deps, message)
  const ended = await deps.outbox.end({ ...delivery, answer }, c.var.trips)
  return conclude(c, { delivery, answer, ended })
}

/** QStash asks again while somebody makes the attempt: if they do not come back, it is still open. */
const notNow = (c: PayosContext, outcome: 'over' | 'under_way') =>
  outcome === 'over'
    ? c.json({ outcome })
    : c.json({ outcome }, 503, { 'Retry-After': `${UNDER_WAY_SECONDS}` })

/** Signs the event and posts it, unless nothing may be posted there. */
async function attempt(deps: WebhookDeps, { event, url, secrets }: Message) {
  const fault = webhookUrlFault(url, {
    ownHost: new URL(deps.issuer).hostname,
    allowLoopbackHttp: deps.environment === 'test',
  })
  if (fault) return { answer: 'url_not_allowed', retryAfterSeconds: undefined }

  const body = webhookBody(event)
  const timestamp = deps.clock.nowSeconds()
  return deps.postWebhook({
    url,
    headers: {
      'content-type': 'application/json',
      'webhook-id': event.id,
      'webhook-timestamp': String(timestamp),
      'webhook-signature': await signWebhook({ id: event.id, timestamp, body }, secrets),
    },
    body,
  })
}

type Ended = { delivery: Delivery; answer: WebhookAnswer; ended: Result<DeliveryOutcome> }

function conclude(c: PayosContext, { delivery, answer, ended }: Ended) {
  // The ledger does not know what came of it: QStash asks again, and it may be delivered twice.
  if (!ended.ok) return refuse(c, ended.problem)
  const outcome = ended.value
  if (outcome === 'dead' || outcome === 'disabled') {
    alarm(c, `webhook_${outcome}`, { ...delivery, answer: answer.answer })
  }
  return c.json({ outcome, answer: answer.answer })
}
