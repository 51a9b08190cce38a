import { createHash } from 'node:crypto'
import type { Message } from './message.ts'
import { destinationUrl, type Plan, planOf } from './plan.ts'
import { notDone } from './refusal.ts'
import { randomId } from './signature.ts'
import type { State, UrlGroup } from './state.ts'

const DEDUPLICATION_WINDOW_MS = 600_000

export type Publish = {
  /** A URL as it was written, or the name of a URL group. */
  destination: string
  headers: Record<string, string>
  body: Buffer
  queueName?: string | undefined
  scheduleId?: string | undefined
  source?: Message['source']
  now: number
}

export type Published = { messageId: string; deduplicated?: true; url?: string }

/** Accepts a message, or one for each endpoint of a URL group; a known one answers its old id. */
export function publish(state: State, request: Publish): Published | Published[] {
  const plan = planOf(request.headers)
  if (request.queueName !== undefined) enterQueue(state, request.queueName, request)
  const group = state.groups.get(request.destination)
  if (!group) return accept(state, { request, plan, url: destinationUrl(request.destination) })
  return group.endpoints.map(({ url, name }) => ({
    ...accept(state, { request, plan, url, group, endpointName: name }),
    url,
  }))
}

function enterQueue(state: State, queueName: string, { headers, now }: Publish): void {
  if (headers['upstash-delay'] !== undefined || headers['upstash-not-before'] !== undefined) {
    throw notDone('delays in queues, which QStash does not document')
  }
  if (!state.limits.queues.get(queueName)) state.limits.upsertQueue(queueName, { now })
}

type Acceptance = {
  request: Publish
  plan: Plan
  url: string
  group?: UrlGroup
  endpointName?: string | undefined
}

function accept(state: State, acceptance: Acceptance): Published {
  const { request, plan, url, group } = acceptance
  const keys = deduplicationKeys(acceptance)
  const known = knownId(state, keys, request.now)
  if (known !== undefined) return { messageId: known, deduplicated: true }

  const notBefore = plan.notBefore ?? request.now + plan.delayMs
  const message: Message = {
    id: `msg_${randomId(40)}`,
    url,
    topicName: group?.name,
    endpointName: acceptance.endpointName,
    queueName: request.queueName,
    scheduleId: request.scheduleId,
    source: request.source,
    plan,
    body: request.body.toString('base64'),
    createdAt: request.now,
    notBefore,
    dueAt: Math.max(notBefore, request.now),
    retried: 0,
    cancelled: false,
    repeats: undefined,
  }
  if (plan.flow) state.limits.configure(plan.flow)
  state.messages.set(message.id, message)
  for (const key of keys) state.accepted.set(key, { messageId: message.id, at: request.now })
  state.logs.add('CREATED', message, { time: request.now, nextDeliveryTime: message.dueAt })
  return { messageId: message.id }
}

function deduplicationKeys({ request, plan, url, group }: Acceptance): string[] {
  const keys: string[] = []
  const endpoint = group ? url : ''
  // An id counts for the whole account, whatever the destination.
  if (plan.deduplicationId !== undefined) keys.push(`id ${endpoint} ${plan.deduplicationId}`)
  if (plan.deduplicateContent) {
    const headers = Object.entries(plan.headers).sort(([a], [b]) => (a < b ? -1 : 1))
    const content = createHash('sha256').update(JSON.stringify(headers)).update(request.body)
    keys.push(`content ${request.destination} ${url} ${content.digest('hex')}`)
  }
  return keys
}

function knownId(state: State, keys: string[], now: number): string | undefined {
  for (const [key, { at }] of state.accepted.entries()) {
    if (now - at < DEDUPLICATION_WINDOW_MS) break
    state.accepted.delete(key)
  }
  const known = keys.map((key) => state.accepted.get(key))
  return known.find((it) => it && now - it.at < DEDUPLICATION_WINDOW_MS)?.messageId
}
