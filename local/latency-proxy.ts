import { once } from 'node:events'
import {
  createServer,
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { type Backend, delaysOf, type Latency } from './latency.ts'

export type LatencyProxy = { address: string; stop: () => Promise<void> }

type Call = { target: URL; ray: string; delayMs: number }

/**
 * A forward proxy through which a Worker's calls take as long as the distance they stand for.
 *
 * A call that has left is delivered even if the Worker no longer waits, and a connection that the
 * backend drops is dropped towards the Worker: an unknown outcome stays unknown.
 */
export async function startLatencyProxy(
  latency: Latency,
  backends: Record<string, Backend>,
): Promise<LatencyProxy> {
  const delayOf = delaysOf(latency)
  const slots = new Slots(latency.connections ?? Number.POSITIVE_INFINITY)
  const agents = {
    http: new HttpAgent({ keepAlive: true }),
    https: new HttpsAgent({ keepAlive: true }),
  }
  const server = createServer({ requireHostHeader: false }, (inbound, answer) => {
    const target = new URL(inbound.url ?? '')
    const delayMs = delayOf(backends[target.origin] ?? 'other')
    const ray = String(inbound.headers['cf-ray'] ?? '')
    relay({ target, ray, delayMs }, { inbound, answer, slots, agents }).catch(() => {
      answer.destroy()
    })
  })
  // workerd keeps idle connections for long; closing one under it would look like a lost answer.
  server.keepAliveTimeout = 0
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    address: `127.0.0.1:${port}`,
    stop: async () => {
      agents.http.destroy()
      agents.https.destroy()
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

type Ends = {
  inbound: IncomingMessage
  answer: ServerResponse
  slots: Slots
  agents: { http: HttpAgent; https: HttpsAgent }
}

async function relay(call: Call, { inbound, answer, slots, agents }: Ends): Promise<void> {
  const body = await buffer(inbound)
  const release = await slots.take(call.ray, answer)
  try {
    const leftAt = performance.now()
    await travel(call.delayMs / 2)
    const wayBackMs = call.delayMs - (performance.now() - leftAt)
    const delivery = deliver(call.target, { inbound, body, agents })
    // A lost connection is noticed no sooner than an answer would have come.
    const response = await delivery.finally(() => travel(wayBackMs))
    answer.writeHead(response.statusCode ?? 502, response.statusMessage, response.rawHeaders)
    answer.flushHeaders()
    release()
    await pipeline(response, answer)
  } finally {
    release()
  }
}

/** A timer takes a millisecond at least, which a near backend would be charged twice for. */
async function travel(ms: number): Promise<void> {
  if (ms > 0) await pause(ms)
}

async function deliver(
  target: URL,
  call: { inbound: IncomingMessage; body: Buffer; agents: Ends['agents'] },
): Promise<IncomingMessage> {
  const secure = target.protocol === 'https:'
  const send = secure ? httpsRequest : httpRequest
  const { method, headers } = call.inbound
  const outbound = send(target, {
    agent: secure ? call.agents.https : call.agents.http,
    headers: { ...headers, host: target.host, connection: 'keep-alive' },
    ...(method && { method }),
  })
  outbound.end(call.body)
  const [response] = (await once(outbound, 'response')) as [IncomingMessage]
  return response
}

/** At most `limit` calls of one request wait for an answer at once; the others keep their order. */
class Slots {
  readonly #limit: number
  readonly #requests = new Map<string, { taken: number; queue: (() => void)[] }>()

  constructor(limit: number) {
    this.#limit = limit
  }

  /** Waits for a slot; rejects if the caller goes away first. Returns how to give it back. */
  async take(ray: string, caller: ServerResponse): Promise<() => void> {
    const request = this.#requests.get(ray) ?? { taken: 0, queue: [] }
    this.#requests.set(ray, request)
    if (request.taken < this.#limit) request.taken += 1
    else await this.#queue(request.queue, caller)
    let held = true
    return () => {
      if (held) this.#release(ray)
      held = false
    }
  }

  #queue(queue: (() => void)[], caller: ServerResponse): Promise<void> {
    return new Promise((resolve, reject) => {
      const gone = () => {
        queue.splice(queue.indexOf(start), 1)
        reject(new Error('the Worker gave up before the call left'))
      }
      const start = () => {
        caller.off('close', gone)
        resolve()
      }
      caller.once('close', gone)
      queue.push(start)
    })
  }

  #release(ray: string): void {
    const request = this.#requests.get(ray)
    const next = request?.queue.shift()
    if (next) next()
    else if (request && --request.taken === 0) this.#requests.delete(ray)
  }
}
