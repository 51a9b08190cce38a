import { json } from '../server.ts'
import { type Call, found, type Handler, nameOf } from './call.ts'
import { letterView } from './dead-letters.ts'
import { filterOf, pageOf } from './filters.ts'
import { viewOf } from './message.ts'
import { publishHeaders, repeatable } from './plan.ts'
import { publish } from './publish.ts'

/** Messages still to be delivered, their logs, and those that were given up. */
export const messageRoutes: Record<string, Handler> = {
  'GET messages/:id': (call) => {
    const id = nameOf(call)
    return viewOf(found(call.state.messages.get(id), `message ${id}`))
  },
  'DELETE messages/:id': (call) => {
    call.messenger.cancel(nameOf(call))
    return { cancelled: 1 }
  },
  'DELETE messages': ({ state, messenger, query }) => {
    const concerned = state.messages.rows().map(viewOf).filter(filterOf(query))
    for (const { messageId } of concerned) messenger.cancel(messageId)
    return { cancelled: concerned.length }
  },
  'GET events': (call) => logs(call, 'events'),
  'GET logs': (call) => logs(call, 'logs'),
  'GET dlq': ({ state, query }) => {
    const concerned = state.letters.views().filter(filterOf(query))
    const { page, cursor } = pageOf(query, concerned, 'earliestFirst')
    return { messages: page, cursor }
  },
  'DELETE dlq': (call) => {
    const { ids, cursor } = concernedLetters(call)
    for (const id of ids) call.state.letters.delete(id)
    return { deleted: ids.length, cursor }
  },
  'GET dlq/:id': (call) => letterView(call.state.letters.get(nameOf(call))),
  'DELETE dlq/:id': (call) => {
    call.state.letters.delete(nameOf(call))
    return {}
  },
  'POST dlq/retry': (call) => {
    const { ids, cursor } = concernedLetters(call)
    return json(201, { responses: ids.map((id) => retry(call, id)), cursor })
  },
  'POST dlq/retry/:id': (call) => json(201, retry(call, nameOf(call))),
}

function logs({ state, query }: Call, name: string) {
  const concerned = state.logs.latestFirst().filter(filterOf(query))
  const { page, cursor } = pageOf(query, concerned, 'latestFirst')
  return { [name]: page, cursor }
}

/** At most a hundred dead letters; the cursor says only that there are more. */
function concernedLetters({ state, query }: Call) {
  const concerned = state.letters.views().filter(filterOf(query))
  query.delete('cursor')
  const { page, cursor } = pageOf(query, concerned, 'earliestFirst')
  return { ids: page.map(({ dlqId }) => dlqId), cursor: cursor && '0' }
}

/** Publishes a dead letter as a new message; headers of this call replace its own. */
function retry({ state, messenger, headers, now }: Call, dlqId: string) {
  const { message } = state.letters.get(dlqId)
  const { 'content-type': _, ...overrides } = publishHeaders(headers)
  const published = publish(state, {
    destination: message.url,
    headers: { ...repeatable(message.plan.given), ...overrides },
    body: Buffer.from(message.body, 'base64'),
    queueName: message.queueName,
    scheduleId: message.scheduleId,
    now,
  })
  state.letters.delete(dlqId)
  messenger.timeline.poke()
  return published
}
