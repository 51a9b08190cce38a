import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { MovableClock } from '../clock.ts'
import { type Fault, Faults } from './faults.ts'

/** A request as a stand-in sees it: read whole, header names in lower case. */
export type StandInRequest = {
  method: string
  url: URL
  /** The path and query exactly as they were sent: `URL` folds some of what QStash relies on. */
  rawTarget: string
  headers: Record<string, string>
  body: Buffer
}

export type StandInAnswer = {
  status: number
  headers?: Record<string, string>
  body?: string | Buffer
}

/** One line of a trip log: somebody called this stand-in. */
export type Trip = {
  at: number
  requestId: string | null
  subject: string
  status: number
  ms: number
}

export type StandInOptions = {
  name: string
  port?: number | undefined
  clock?: MovableClock | undefined
  /** What the request is about, for faults and the trip log. */
  subjectOf: (request: StandInRequest) => string
  handle: (request: StandInRequest) => Promise<StandInAnswer>
  /** Orders of this stand-in alone, by name: `POST /__control/<name>` with a JSON body. */
  orders?: Record<string, (body: Record<string, unknown>) => unknown>
}

export type StandIn = {
  url: string
  port: number
  clock: MovableClock
  faults: Faults
  trips: Trip[]
  stop: () => Promise<void>
}

/**
 * Serves a stand-in on loopback, with its control route, faults, clock and trip log.
 *
 * Control lives under `/__control/`: `faults` and `trips` (GET, DELETE; faults also POST), `clock`
 * (GET; POST `{ advanceMs }`), and the stand-in's own orders. Callers count as one request by the
 * `cf-ray` or `x-request-id` header they carry.
 */
export async function serveStandIn(options: StandInOptions): Promise<StandIn> {
  const clock = options.clock ?? new MovableClock()
  const faults = new Faults()
  const trips: Trip[] = []
  const state = { ...options, clock, faults, trips }
  const sockets = new Set<Socket>()

  const server = createServer((incoming, response) => {
    serve(state, incoming, response).catch((cause: unknown) => {
      const body = JSON.stringify({ error: `${options.name} stand-in failed: ${String(cause)}` })
      if (!response.headersSent) response.writeHead(500, { 'content-type': 'application/json' })
      response.end(body)
    })
  })
  server.keepAliveTimeout = 0
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.setNoDelay(true)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 0, '127.0.0.1', resolve)
  })

  const { port } = server.address() as AddressInfo
  const stop = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      for (const socket of sockets) socket.destroy()
    })
  return { url: `http://127.0.0.1:${port}`, port, clock, faults, trips, stop }
}

type State = StandInOptions & { clock: MovableClock; faults: Faults; trips: Trip[] }

async function serve(state: State, incoming: IncomingMessage, response: ServerResponse) {
  const request = await readRequest(incoming)
  if (request.url.pathname.startsWith('/__control')) {
    return send(response, await control(state, request))
  }

  const started = performance.now()
  const trip: Trip = {
    at: state.clock.now(),
    requestId: request.headers['cf-ray'] ?? request.headers['x-request-id'] ?? null,
    subject: state.subjectOf(request),
    status: 0,
    ms: 0,
  }
  state.trips.push(trip)

  const before = state.faults.take(trip.subject, 'before')
  let answer = before && (await commit(before, incoming))
  answer ??= await state.handle(request)
  const after = state.faults.take(trip.subject, 'after')
  answer = (after && (await commit(after, incoming))) ?? answer

  trip.status = answer.status
  trip.ms = performance.now() - started
  send(response, answer)
}

/** Does what the fault says; an answer replaces the stand-in's own. */
async function commit(
  effect: Fault['effect'],
  incoming: IncomingMessage,
): Promise<StandInAnswer | undefined> {
  switch (effect.kind) {
    case 'delay':
      await pause(effect.ms, undefined, { ref: false })
      return undefined
    case 'hang':
      await new Promise((resolve) => incoming.socket.once('close', resolve))
      return { status: 0 }
    case 'drop':
      incoming.socket.destroy()
      return { status: 0 }
    case 'garbage':
      return { status: 200, headers: { 'content-type': 'application/json' }, body: '{"resu<html>' }
    case 'status':
      return {
        status: effect.status,
        headers: { 'content-type': 'application/json' },
        body: effect.body ?? '{"message":"told to fail"}',
      }
  }
}

async function control(state: State, request: StandInRequest): Promise<StandInAnswer> {
  const order = request.url.pathname.slice('/__control/'.length)
  const body = parseOrder(request.body)
  const key = `${request.method} ${order}`
  const common: Record<string, () => unknown> = {
    'GET faults': () => state.faults.list(),
    'POST faults': () => state.faults.add(body as Fault),
    'DELETE faults': () => state.faults.clear(),
    'GET trips': () => tripsOf(state.trips, request.url.searchParams.get('requestId')),
    'DELETE trips': () => state.trips.splice(0),
    'GET clock': () => ({ nowMs: state.clock.now(), offsetMs: state.clock.offsetMs }),
    'POST clock': () => state.clock.advance(Number(body['advanceMs'])),
  }
  const own = request.method === 'POST' ? state.orders?.[order] : undefined
  const run = common[key] ?? (own && (() => own(body)))
  if (!run) {
    const known = [
      ...Object.keys(common),
      ...Object.keys(state.orders ?? {}).map((it) => `POST ${it}`),
    ]
    return json(404, { error: `no such order: ${key}`, orders: known })
  }
  return json(200, (await run()) ?? { ok: true })
}

const tripsOf = (trips: Trip[], requestId: string | null) =>
  requestId ? trips.filter((trip) => trip.requestId === requestId) : trips

function parseOrder(body: Buffer): Record<string, unknown> {
  if (body.length === 0) return {}
  return JSON.parse(body.toString('utf8')) as Record<string, unknown>
}

async function readRequest(incoming: IncomingMessage): Promise<StandInRequest> {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk as Buffer)
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(incoming.headers)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : value
  }
  const rawTarget = incoming.url ?? '/'
  return {
    method: incoming.method ?? 'GET',
    url: new URL(rawTarget.replace(/^\/+/, '/'), 'http://stand-in'),
    rawTarget,
    headers,
    body: Buffer.concat(chunks),
  }
}

export const json = (status: number, value: unknown): StandInAnswer => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(value),
})

function send(response: ServerResponse, answer: StandInAnswer) {
  if (response.destroyed || answer.status === 0) return
  response.writeHead(answer.status, answer.headers)
  response.end(answer.body)
}
