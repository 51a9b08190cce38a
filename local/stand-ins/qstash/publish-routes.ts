import { json, type StandInAnswer } from '../server.ts'
import { type Call, jsonBody } from './call.ts'
import { planOf } from './plan.ts'
import { type Publish, type Published, publish } from './publish.ts'
import { Refusal } from './refusal.ts'
import { createSchedule } from './schedules.ts'

/** `POST /v2/publish/{destination}` and `POST /v2/enqueue/{queue}/{destination}`. */
export function publishOne(call: Call, to: { destination: string; queueName?: string }) {
  const { headers, body, now } = call
  const published = publish(call.state, { ...to, headers, body, now })
  call.messenger.timeline.poke()
  return answerOf(published)
}

/** `POST /v2/schedules/{destination}`. */
export function schedule(call: Call, destination: string): StandInAnswer {
  const { headers, body, now } = call
  const scheduleId = createSchedule(call.state, { destination, headers, body, now })
  call.messenger.timeline.poke()
  return json(200, { scheduleId })
}

/** `POST /v2/batch`: every item has its own answer, in order; a bad one spoils no other. */
export function publishBatch(call: Call): StandInAnswer {
  const items = jsonBody(call.body)
  if (!Array.isArray(items)) throw new Refusal(400, 'a batch is a JSON array')
  const requests = items.map((item) => ({ ...readItem(item), now: call.now }))
  // What is not done at all must not hide among the answers of a batch.
  for (const { headers } of requests) publishOrError(() => planOf(headers))
  const answers = requests.map((request) => publishOrError(() => publish(call.state, request)))
  call.messenger.timeline.poke()
  return json(200, answers)
}

function publishOrError<Result>(run: () => Result): Result | { error: string } {
  try {
    return run()
  } catch (cause) {
    if (!(cause instanceof Refusal) || cause.status === 501) throw cause
    return { error: cause.message }
  }
}

function readItem(item: unknown): Omit<Publish, 'now'> {
  const { destination, headers, body, queue } = (item ?? {}) as Record<string, unknown>
  const named = Object.entries((headers ?? {}) as Record<string, unknown>)
  return {
    destination: String(destination ?? ''),
    headers: Object.fromEntries(named.map(([name, it]) => [name.toLowerCase(), String(it)])),
    body: Buffer.from(typeof body === 'string' ? body : ''),
    queueName: queue === undefined ? undefined : String(queue),
  }
}

function answerOf(published: Published | Published[]): StandInAnswer {
  const all = [published].flat()
  const known = all.length > 0 && all.every(({ deduplicated }) => deduplicated)
  return json(known ? 202 : 200, published)
}
