import { type Call, found, type Handler, jsonBody, nameOf } from './call.ts'
import { destinationUrl } from './plan.ts'
import { Refusal } from './refusal.ts'
import { scheduleView } from './schedules.ts'
import type { State, UrlGroup } from './state.ts'

/** Queues, schedules, URL groups, flow control keys and signing keys. */
export const managementRoutes: Record<string, Handler> = {
  'GET queues': ({ state }) => state.limits.queues.rows().map((queue) => queueView(state, queue)),
  'POST queues': (call) => {
    const { queueName, ...settings } = jsonBody(call.body) as Record<string, unknown>
    const parallelism = Number(settings['parallelism'] ?? 1)
    if (!(parallelism >= 1)) throw new Refusal(400, 'a queue has a parallelism of 1 or more')
    const paused = settings['paused'] === true
    return changeQueue(call, String(queueName), { parallelism, paused })
  },
  'GET queues/:name': (call) => {
    const name = nameOf(call)
    return queueView(call.state, found(call.state.limits.queues.get(name), `queue ${name}`))
  },
  'DELETE queues/:name': ({ state, ...call }) => {
    const name = nameOf({ state, ...call })
    if (state.messages.rows().some(({ queueName }) => queueName === name)) {
      throw new Refusal(412, `queue ${name} still has messages`)
    }
    state.limits.queues.delete(name)
    return {}
  },
  'POST queues/:name/pause': (call) => changeQueue(call, nameOf(call), { paused: true }),
  'POST queues/:name/resume': (call) => changeQueue(call, nameOf(call), { paused: false }),

  'GET schedules': ({ state }) => state.schedules.rows().map(scheduleView),
  'GET schedules/:id': (call) => scheduleView(scheduleOf(call)),
  'DELETE schedules/:id': (call) => {
    call.state.schedules.delete(scheduleOf(call).scheduleId)
    return {}
  },
  'PATCH schedules/:id/pause': (call) => pauseSchedule(call, true),
  'POST schedules/:id/pause': (call) => pauseSchedule(call, true),
  'PATCH schedules/:id/resume': (call) => pauseSchedule(call, false),
  'POST schedules/:id/resume': (call) => pauseSchedule(call, false),

  'GET topics': ({ state }) => state.groups.rows(),
  'GET topics/:name': (call) => groupOf(call),
  'DELETE topics/:name': (call) => {
    changeGroup(call, groupOf(call), [])
    return {}
  },
  'POST topics/:name/endpoints': (call) => {
    const name = nameOf(call)
    const group = call.state.groups.get(name) ?? { name, createdAt: call.now, endpoints: [] }
    const added = endpointsIn(call.body)
    for (const { url } of added) destinationUrl(url)
    const kept = group.endpoints.filter(({ url }) => !added.some((it) => it.url === url))
    changeGroup(call, group, [...kept, ...added])
    return {}
  },
  'DELETE topics/:name/endpoints': (call) => {
    const group = groupOf(call)
    const removed = endpointsIn(call.body)
    const isRemoved = (it: UrlGroup['endpoints'][number]) =>
      removed.some(({ url, name }) => url === it.url || (name !== undefined && name === it.name))
    changeGroup(
      call,
      group,
      group.endpoints.filter((it) => !isRemoved(it)),
    )
    return {}
  },

  'GET flowControl': (call) => call.state.limits.flows.rows().map(({ key }) => flowView(call, key)),
  'GET flowControl/:key': (call) => flowView(call, nameOf(call)),
  'POST flowControl/:key/pause': (call) => pauseFlow(call, true),
  'POST flowControl/:key/resume': (call) => pauseFlow(call, false),

  'GET keys': ({ state: { keys } }) => ({ current: keys.current, next: keys.next }),
  'POST keys/rotate': ({ state: { keys } }) => {
    keys.rotate()
    return { current: keys.current, next: keys.next }
  },
}

function changeQueue(call: Call, name: string, change: { parallelism?: number; paused: boolean }) {
  call.state.limits.upsertQueue(name, { ...change, now: call.now })
  call.messenger.timeline.poke()
  return {}
}

function queueView<Queue extends { name: string }>(state: State, queue: Queue) {
  const lag = state.messages.rows().filter(({ queueName }) => queueName === queue.name).length
  return { ...queue, lag }
}

function scheduleOf(call: Call) {
  const id = nameOf(call)
  return found(call.state.schedules.get(id), `schedule ${id}`)
}

function pauseSchedule(call: Call, isPaused: boolean) {
  const schedule = scheduleOf(call)
  call.state.schedules.set(schedule.scheduleId, { ...schedule, isPaused })
  return {}
}

function groupOf(call: Call): UrlGroup {
  const name = nameOf(call)
  return found(call.state.groups.get(name), `url group ${name}`)
}

/** A group without endpoints is gone, which a schedule that publishes to it does not survive. */
function changeGroup(
  { state, now }: Call,
  group: Omit<UrlGroup, 'updatedAt'>,
  endpoints: UrlGroup['endpoints'],
): void {
  if (endpoints.length > 0) {
    state.groups.set(group.name, { ...group, endpoints, updatedAt: now })
    return
  }
  if (state.schedules.rows().some(({ destination }) => destination === group.name)) {
    throw new Refusal(412, `a schedule publishes to ${group.name}: delete it first`)
  }
  state.groups.delete(group.name)
}

function endpointsIn(body: Buffer): UrlGroup['endpoints'] {
  const { endpoints } = jsonBody(body) as { endpoints?: unknown }
  if (!Array.isArray(endpoints)) throw new Refusal(400, 'endpoints is a JSON array')
  return endpoints as UrlGroup['endpoints']
}

function pauseFlow(call: Call, paused: boolean) {
  call.state.limits.pauseFlow(nameOf(call), paused)
  call.messenger.timeline.poke()
  return {}
}

function flowView({ state, messenger, now }: Call, key: string) {
  const flow = found(state.limits.flows.get(key), `flow control key ${key}`)
  const current = now < flow.periodStart + flow.periodMs
  const waiting = state.messages
    .rows()
    .filter(({ plan, dueAt }) => plan.flow?.key === key && dueAt <= now)
  const active = messenger.active(key)
  return {
    flowControlKey: key,
    waitListSize: waiting.length - active,
    parallelismMax: flow.parallelism ?? 0,
    parallelismCount: active,
    rateMax: flow.rate ?? 0,
    rateCount: current ? flow.count : 0,
    ratePeriod: flow.periodMs / 1000,
    ratePeriodStart: Math.floor(flow.periodStart / 1000),
    isPaused: flow.paused,
    isPinnedParallelism: false,
    isPinnedRate: false,
  }
}
