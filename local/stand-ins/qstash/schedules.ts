import { nextMinute } from './cron.ts'
import { CALLER_IP, multiple } from './message.ts'
import { destinationUrl, planOf } from './plan.ts'
import { publish } from './publish.ts'
import { notDone, Refusal } from './refusal.ts'
import { randomId } from './signature.ts'
import type { Schedule, State } from './state.ts'

type Creation = {
  destination: string
  headers: Record<string, string>
  body: Buffer
  now: number
}

/** Creates a schedule, or replaces the one with the same id; answers its id. */
export function createSchedule(state: State, creation: Creation): string {
  const { destination, headers, now } = creation
  const { cron, id, queueName, publishHeaders } = takeOwnHeaders(headers)
  if (cron === undefined) throw new Refusal(400, 'a schedule needs an Upstash-Cron header')
  const plan = planOf(publishHeaders)
  if (plan.notBefore !== undefined) throw notDone('a fixed time in a schedule')
  if (queueName !== undefined && plan.delayMs > 0) throw notDone('a delay in a queue')
  if (!state.groups.get(destination)) destinationUrl(destination)
  const scheduleId = id ?? `scd_${randomId(27)}`
  if (!/^[A-Za-z0-9._-]+$/.test(scheduleId)) throw new Refusal(400, 'invalid schedule id')
  state.schedules.set(scheduleId, {
    scheduleId,
    cron,
    destination,
    queueName,
    given: plan.given,
    body: creation.body.toString('base64'),
    createdAt: now,
    isPaused: false,
    lastScheduleTime: undefined,
    nextScheduleTime: nextMinute(cron, now),
  })
  return scheduleId
}

/** When the next schedule fires. */
export function nextFiring({ schedules }: State): number {
  return Math.min(
    Number.POSITIVE_INFINITY,
    ...schedules.rows().map(({ nextScheduleTime }) => nextScheduleTime),
  )
}

/** Publishes the messages of the schedules that are due; a paused one lets its minute pass. */
export function fireSchedules(state: State, now: number): void {
  for (const schedule of state.schedules.rows()) {
    if (schedule.nextScheduleTime > now) continue
    if (!schedule.isPaused) fire(state, schedule, now)
    state.schedules.set(schedule.scheduleId, {
      ...schedule,
      lastScheduleTime: schedule.isPaused ? schedule.lastScheduleTime : now,
      nextScheduleTime: nextMinute(schedule.cron, now),
    })
  }
}

export function scheduleView(schedule: Schedule) {
  const { given, body, ...view } = schedule
  const plan = planOf(given)
  return {
    ...view,
    method: plan.method,
    header: multiple(plan.headers),
    body: Buffer.from(body, 'base64').toString('utf8'),
    retries: plan.maxRetries,
    delay: plan.delayMs / 1000,
    callback: plan.callback?.url,
    failureCallback: plan.failureCallback?.url,
    callerIP: CALLER_IP,
  }
}

function fire(state: State, schedule: Schedule, now: number): void {
  publish(state, {
    destination: schedule.destination,
    headers: schedule.given,
    body: Buffer.from(schedule.body, 'base64'),
    queueName: schedule.queueName,
    scheduleId: schedule.scheduleId,
    now,
  })
}

function takeOwnHeaders(headers: Record<string, string>) {
  const {
    'upstash-cron': cron,
    'upstash-schedule-id': id,
    'upstash-queue-name': queueName,
    ...publishHeaders
  } = headers
  return { cron, id, queueName, publishHeaders }
}
