import { isUtf8 } from 'node:buffer'
import type { Plan } from './plan.ts'

/** A message QStash has accepted and not yet delivered or given up. */
export type Message = {
  id: string
  url: string
  topicName: string | undefined
  endpointName: string | undefined
  queueName: string | undefined
  scheduleId: string | undefined
  /** Of a callback: the message it tells about, which keeps its place in its queue until then. */
  source: { messageId: string; queueName: string | undefined } | undefined
  plan: Plan
  /** Base64. */
  body: string
  createdAt: number
  notBefore: number
  /** When the next attempt is due; moves with every retry. */
  dueAt: number
  retried: number
  cancelled: boolean
  /** How often it is still delivered after a success, once a test has ordered that. */
  repeats: number | undefined
}

/** Deliveries and publishes are all on this machine. */
export const CALLER_IP = '127.0.0.1'

/** A message as the management routes and the DLQ show it. */
export function viewOf(message: Message) {
  const { plan } = message
  return {
    messageId: message.id,
    url: message.url,
    topicName: message.topicName,
    endpointName: message.endpointName,
    queueName: message.queueName,
    scheduleId: message.scheduleId,
    method: plan.method,
    header: multiple(plan.headers),
    ...bodyView('body', Buffer.from(message.body, 'base64')),
    maxRetries: plan.maxRetries,
    retryDelayExpression: plan.retryDelay,
    notBefore: message.notBefore,
    createdAt: message.createdAt,
    callback: plan.callback?.url,
    failureCallback: plan.failureCallback?.url,
    callerIP: CALLER_IP,
    label: plan.labels[0],
    labels: plan.labels.length > 0 ? plan.labels : undefined,
    flowControlKey: plan.flow?.key,
    parallelism: plan.flow?.parallelism,
    rate: plan.flow?.rate,
    period: plan.flow && plan.flow.periodMs / 1000,
  }
}

/** A body under its name when it is text, in base64 under `…Base64` when it is not. */
export function bodyView(name: string, body: Buffer): Record<string, string> {
  if (body.length === 0) return {}
  if (isUtf8(body)) return { [name]: body.toString('utf8') }
  return { [`${name}Base64`]: body.toString('base64') }
}

/** Headers the way QStash writes them in JSON: `Content-Type`, each with a list of values. */
export function multiple(headers: Record<string, string>): Record<string, string[]> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [canonical(name), [value]]),
  )
}

export const canonical = (name: string) =>
  name.toLowerCase().replace(/(^|-)[a-z]/g, (start) => start.toUpperCase())
