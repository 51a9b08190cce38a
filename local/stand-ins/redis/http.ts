import { timingSafeEqual } from 'node:crypto'
import { json, type StandInAnswer, type StandInRequest } from '../server.ts'
import type { Backend } from './backend.ts'
import { commands } from './commands/all.ts'
import {
  type Bytes,
  errorToJson,
  fromBytes,
  Refusal,
  type Reply,
  ReplyError,
  resultToJson,
  toBytes,
} from './reply.ts'

type Body = { queue: Bytes[][] } | { problem: StandInAnswer }

const ROUTES = ['/', '/pipeline', '/multi-exec']

/** The HTTP face of Upstash's REST API, in front of any Redis. */
export class HttpFace {
  readonly #backend: Backend
  readonly #authorization: string
  readonly #bodies = new WeakMap<StandInRequest, Body>()
  #answers = 0

  constructor(backend: Backend, token: string) {
    this.#backend = backend
    this.#authorization = `Bearer ${token}`
  }

  /** Each command with its first key; those of a pipeline joined by "; ". */
  subjectOf(request: StandInRequest): string {
    const body = this.#body(request)
    if ('problem' in body) return `${request.method} ${request.url.pathname}`
    return body.queue.map(subject).join('; ')
  }

  async handle(request: StandInRequest): Promise<StandInAnswer> {
    const answer = this.#turnAway(request) ?? (await this.#answer(request))
    this.#answers += 1
    const token = Buffer.from(`stand-in:${this.#answers}`).toString('base64')
    return { ...answer, headers: { ...answer.headers, 'upstash-sync-token': token } }
  }

  #turnAway({ headers, url, method }: StandInRequest): StandInAnswer | undefined {
    if (!sameText(headers['authorization'] ?? '', this.#authorization)) {
      return json(401, { error: 'WRONGPASS invalid or missing auth token' })
    }
    const format = headers['upstash-response-format']
    const [, first = ''] = url.pathname.split('/')
    if (format || url.search || commands.has(first.toUpperCase()) || STREAMING.includes(first)) {
      return refused('paths with a command, queries, other formats and subscriptions')
    }
    if (!ROUTES.includes(url.pathname)) return json(404, { error: 'ERR not found' })
    if (method !== 'POST') return { ...json(405, { error: 'ERR method not allowed' }), ...ALLOW }
    return undefined
  }

  async #answer(request: StandInRequest): Promise<StandInAnswer> {
    const body = this.#body(request)
    if ('problem' in body) return body.problem
    const base64 = request.headers['upstash-encoding'] === 'base64'
    try {
      if (request.url.pathname === '/pipeline') {
        const replies: Reply[] = []
        for (const words of body.queue) replies.push(await this.#backend.run(words))
        return ok(listToJson(replies, base64))
      }
      if (request.url.pathname === '/multi-exec') {
        const result = await this.#backend.transaction(body.queue)
        return result instanceof ReplyError ? failed(result) : ok(listToJson(result, base64))
      }
      const reply = await this.#backend.run(body.queue[0] ?? [])
      return reply instanceof ReplyError ? failed(reply) : ok(itemToJson(reply, base64))
    } catch (cause) {
      if (cause instanceof Refusal) return refused(cause.message)
      throw cause
    }
  }

  #body(request: StandInRequest): Body {
    const known = this.#bodies.get(request)
    if (known) return known
    const body = readBody(request)
    this.#bodies.set(request, body)
    return body
  }
}

const STREAMING = ['monitor', 'subscribe', 'psubscribe']
const ALLOW = { headers: { 'content-type': 'application/json', allow: 'POST' } }

function subject([name = '', ...args]: Bytes[]): string {
  const upper = name.toUpperCase()
  const command = commands.get(upper)
  const key = command ? command.keys(args)[0] : args[0]
  return key === undefined ? upper : `${upper} ${fromBytes(key)}`
}

function sameText(given: string, wanted: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(wanted)]
  return a.length === b.length && timingSafeEqual(a, b)
}

const refused = (what: string) => json(501, { error: `the Redis stand-in refuses: ${what}` })
const ok = (body: string): StandInAnswer => answer(200, body)
const failed = (error: ReplyError): StandInAnswer => answer(400, errorToJson(error))
const answer = (status: number, body: string): StandInAnswer => ({
  status,
  headers: { 'content-type': 'application/json' },
  body,
})

const itemToJson = (reply: Reply, base64: boolean): string =>
  reply instanceof ReplyError ? errorToJson(reply) : `{"result":${resultToJson(reply, base64)}}`

const listToJson = (replies: Reply[], base64: boolean): string =>
  `[${replies.map((reply) => itemToJson(reply, base64)).join(',')}]`

function readBody(request: StandInRequest): Body {
  let parsed: unknown
  try {
    parsed = parseKeepingDigits(request.body.toString('utf8'))
  } catch {
    return { problem: json(400, { error: 'ERR failed to parse the request body as JSON' }) }
  }
  const queue = request.url.pathname === '/' ? [parsed] : parsed
  if (!Array.isArray(queue) || queue.length === 0 || !queue.every(isWords)) {
    return { problem: json(400, { error: 'ERR the request body is not an array of commands' }) }
  }
  if (queue.some((words) => words.some((word) => typeof word === 'boolean'))) {
    return { problem: refused('true and false as arguments') }
  }
  return { queue: queue.map((words) => words.map((word) => toBytes(String(word)))) }
}

/** Read as it is, and once more with the digits where there is a number, which is seldom and slow. */
function parseKeepingDigits(text: string): unknown {
  const parsed: unknown = JSON.parse(text)
  const isPlain = (value: unknown): boolean =>
    typeof value === 'string' || (Array.isArray(value) && value.every(isPlain))
  return isPlain(parsed) ? parsed : JSON.parse(text, keepDigits)
}

/** Numbers stay the text they were sent as, to the last digit. */
const keepDigits = (_: string, value: unknown, { source }: { source?: string } = {}): unknown =>
  typeof value === 'number' ? (source ?? String(value)) : value

const isWords = (value: unknown): value is (string | boolean)[] =>
  Array.isArray(value) &&
  value.length > 0 &&
  value.every((word) => typeof word === 'string' || typeof word === 'boolean')
