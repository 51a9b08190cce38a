import { json, type StandInAnswer, type StandInRequest } from '../server.ts'
import { type Call, type Handler, refusalAnswer, targetOf, withoutToken } from './call.ts'
import { managementRoutes } from './management-routes.ts'
import { messageRoutes } from './message-routes.ts'
import { publishBatch, publishOne, schedule } from './publish-routes.ts'
import { notDone, Refusal } from './refusal.ts'
import { PUBLIC_VALUES } from './signature.ts'

const ROUTES: Record<string, Handler> = {
  'POST batch': publishBatch,
  ...messageRoutes,
  ...managementRoutes,
}

type Context = Pick<Call, 'state' | 'messenger' | 'now'> & { refusesPublishes: boolean }

/** Answers one request of the QStash API; what this stand-in does not do is a 501. */
export function answer(request: StandInRequest, context: Context): StandInAnswer {
  const { method, headers, body, rawTarget } = request
  try {
    const { path, query, token } = targetOf(request)
    authenticate(headers['authorization'], token)
    const route = path.match(/^\/v2\/(.+)$/)?.[1]
    if (!route) throw new Refusal(404, `no such path: ${path}`)
    if (context.refusesPublishes && /^(publish\/|enqueue\/|batch$)/.test(route)) {
      throw new Refusal(503, 'told to be out of service')
    }
    const call = { ...context, headers, body, query, names: [] }
    const requested = { method, route, rawTarget }
    const answered = toDestination(call, requested) ?? toRoute(call, requested)
    if (!answered) throw notDone(`${method} /v2/${route}`)
    return answered
  } catch (cause) {
    return refusalAnswer(cause)
  }
}

function authenticate(authorization: string | undefined, token: string | null): void {
  const presented = authorization?.match(/^Bearer (.+)$/i)?.[1] ?? token
  if (presented !== PUBLIC_VALUES.token) {
    throw new Refusal(401, 'unable to authenticate: invalid token')
  }
}

type Requested = { method: string; route: string; rawTarget: string }

/** The routes whose path ends in a destination, which is taken as it was sent. */
function toDestination(call: Call, { method, rawTarget }: Requested): StandInAnswer | undefined {
  const match = withoutToken(rawTarget).match(/^\/v2\/(publish|enqueue|schedules)\/(.+)$/)
  if (method !== 'POST' || !match?.[2]) return undefined
  const [, verb, rest] = match
  switch (verb) {
    case 'publish':
      return publishOne(call, { destination: destinationOf(rest) })
    case 'enqueue': {
      const slash = rest.indexOf('/')
      const queueName = decodeURIComponent(rest.slice(0, slash))
      return publishOne(call, { destination: destinationOf(rest.slice(slash + 1)), queueName })
    }
    default:
      return /^[^/]+\/(pause|resume)$/.test(rest) ? undefined : schedule(call, destinationOf(rest))
  }
}

function destinationOf(text: string): string {
  if (text.startsWith('api/')) throw notDone(`the destination ${text}`)
  return /^https?:/i.test(text) ? text : decodeURIComponent(text.replace(/\?.*$/, ''))
}

function toRoute(call: Call, { method, route }: Requested): StandInAnswer | undefined {
  const segments = route.split('/').map(decodeURIComponent)
  for (const [pattern, handler] of Object.entries(ROUTES)) {
    const names = namesIn(pattern, method, segments)
    if (!names) continue
    const answered = handler({ ...call, names })
    return isAnswer(answered) ? answered : json(200, answered)
  }
  return undefined
}

function namesIn(pattern: string, method: string, segments: string[]): string[] | undefined {
  const [patternMethod, path = ''] = pattern.split(' ')
  const parts = path.split('/')
  if (patternMethod !== method || parts.length !== segments.length) return undefined
  const matches = parts.every((part, at) => part.startsWith(':') || part === segments[at])
  return matches ? segments.filter((_, at) => parts[at]?.startsWith(':')) : undefined
}

const isAnswer = (answered: ReturnType<Handler>): answered is StandInAnswer =>
  'status' in answered && 'body' in answered && typeof answered.status === 'number'
