import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Client } from '@upstash/qstash'
import { type QstashStandIn, startQstash } from '../../local/stand-ins/qstash/index.ts'

/** What a destination was sent, to the byte. */
export type Received = {
  method: string
  /** Path and query as they came. */
  target: string
  headers: Record<string, string>
  body: Buffer
}

export type Reply = { status: number; headers?: Record<string, string>; body?: string }

export type Destination = {
  url: string
  received: Received[]
  /** What it was sent under a path, in order of arrival. */
  at: (path: string) => Received[]
  /** Resolves with what came under a path once that is `count` requests. */
  arrivals: (path: string, count: number) => Promise<Received[]>
  /** Answers the requests under a path this way instead of with 200. */
  reply: (path: string, reply: (received: Received, nth: number) => Reply | Promise<Reply>) => void
  stop: () => Promise<void>
}

/** Starts a destination on loopback that remembers every request. */
export async function startDestination(): Promise<Destination> {
  const received: Received[] = []
  const replies = new Map<string, Parameters<Destination['reply']>[1]>()
  const waiting = new Set<() => void>()
  const at = (path: string) => received.filter(({ target }) => pathOf(target) === path)

  const server = createServer(async (incoming, response) => {
    const request = await read(incoming)
    received.push(request)
    const path = pathOf(request.target)
    const answering = replies.get(path)?.(request, at(path).length)
    for (const check of waiting) check()
    const reply = (await answering) ?? { status: 200 }
    response.writeHead(reply.status, reply.headers).end(reply.body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo

  return {
    url: `http://127.0.0.1:${port}`,
    received,
    at,
    arrivals: (path, count) =>
      new Promise((resolve) => {
        const check = () => {
          if (at(path).length < count) return
          waiting.delete(check)
          resolve(at(path))
        }
        waiting.add(check)
        check()
      }),
    reply: (path, reply) => replies.set(path, reply),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** The QStash under test: the one the environment names, or a stand-in of this file's own. */
export type QstashUnderTest = {
  url: string
  token: string
  currentSigningKey: string
  nextSigningKey: string
  client: Client
  /** A call of the API that the client would dress up. */
  call: (method: string, path: string, init?: RequestInit) => Promise<Response>
  stop: () => Promise<void>
}

const { env } = process

/** Whether the environment names a QStash that takes no control orders. */
const isHosted = env['QSTASH_URL'] !== undefined

export async function openQstash(): Promise<QstashUnderTest> {
  if (!isHosted) {
    const standIn = await startQstash()
    return { ...underTest(standIn), stop: standIn.stop }
  }
  const values = {
    url: required('QSTASH_URL'),
    token: required('QSTASH_TOKEN'),
    currentSigningKey: required('QSTASH_CURRENT_SIGNING_KEY'),
    nextSigningKey: required('QSTASH_NEXT_SIGNING_KEY'),
  }
  return { ...underTest(values), stop: async () => {} }
}

type Values = Pick<QstashUnderTest, 'url' | 'token' | 'currentSigningKey' | 'nextSigningKey'>

/** The official client and a bare `fetch` for a QStash. */
export function underTest(values: Values | QstashStandIn): Omit<QstashUnderTest, 'stop'> {
  const { url, token, currentSigningKey, nextSigningKey } = values
  return {
    url,
    token,
    currentSigningKey,
    nextSigningKey,
    client: new Client({ baseUrl: url, token, retry: false, devMode: false }),
    call: (method, path, init = {}) =>
      fetch(`${url}${path}`, {
        ...init,
        method,
        headers: { authorization: `Bearer ${token}`, ...init.headers },
      }),
  }
}

function required(name: string): string {
  const value = env[name]
  if (!value) throw new Error(`${name} is missing: QSTASH_URL needs its token and signing keys`)
  return value
}

async function read(incoming: IncomingMessage): Promise<Received> {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk as Buffer)
  const headers = Object.entries(incoming.headers).map(([name, value]) => [name, String(value)])
  return {
    method: incoming.method ?? '',
    target: incoming.url ?? '',
    headers: Object.fromEntries(headers) as Record<string, string>,
    body: Buffer.concat(chunks),
  }
}

const pathOf = (target: string) => target.replace(/\?.*$/, '')
