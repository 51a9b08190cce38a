import type { RequestListener } from 'node:http'
import { createServer } from 'node:http'
import { afterAll, beforeAll, describe, it } from 'vitest'
import {
  type NodeRequest,
  type NodeResponse,
  type Paywall,
  paywall,
} from '../../sdk/provider/index.ts'
import { type TestPayos, testPayos } from '../../sdk/testing/index.ts'
import { careless, getRaw, type Host, hostedOn, specifyAdapter } from '../sdk/support/adapters.ts'
import { openPackages } from './support/packages.ts'

type ExpressResponse = NodeResponse & {
  set(headers: object): ExpressResponse
  send(body: unknown): void
}
type ExpressApp = RequestListener & {
  use(...handlers: unknown[]): ExpressApp
  get(path: string, handler: unknown): ExpressApp
}
type Express = { (): ExpressApp; Router(): ExpressApp }

type Reply = { raw: NodeResponse; hijack(): unknown; headers(headers: object): unknown }
type FastifyApp = {
  get(path: string, handler: unknown): FastifyApp
  listen(at: object): Promise<string>
  close(): Promise<void>
}

/** The frameworks, from the one install that has them. */
async function openFrameworks() {
  const packages = await openPackages()
  const express = (await packages.load<{ default: Express }>('express')).default
  const fastify = (await packages.load<{ default: () => FastifyApp }>('fastify')).default
  return { express, fastify }
}

const onFastify = async (app: FastifyApp): Promise<Host> => ({
  origin: await app.listen({ port: 0, host: '127.0.0.1' }),
  stop: () => app.close(),
})

type Run = (paymentId: string) => void

const expressHandler = (wall: Paywall, run: Run) =>
  wall.express((_: NodeRequest, response: ExpressResponse, { paymentId }) => {
    run(paymentId)
    response.set(careless).send('sunny')
  })

const fastifyHandler = (wall: Paywall, run: Run) =>
  wall.fastify(async (_: { raw: NodeRequest }, reply: Reply, { paymentId }) => {
    run(paymentId)
    reply.headers(careless)
    return { sky: 'sunny' }
  })

specifyAdapter('Express 5, every path', async (wall, run) => {
  const { express } = await openFrameworks()
  return hostedOn(createServer(express().use(expressHandler(wall, run))))
})

specifyAdapter('Express 5, a route', async (wall, run) => {
  const { express } = await openFrameworks()
  return hostedOn(createServer(express().get('/weather', expressHandler(wall, run))))
})

specifyAdapter('Express 5, a router mounted at the path', async (wall, run) => {
  const { express } = await openFrameworks()
  const router = express.Router().get('/', expressHandler(wall, run))
  return hostedOn(createServer(express().use('/weather', router)))
})

specifyAdapter('Fastify 5, every path', async (wall, run) => {
  const { fastify } = await openFrameworks()
  return onFastify(fastify().get('/*', fastifyHandler(wall, run)))
})

specifyAdapter('Fastify 5, a route', async (wall, run) => {
  const { fastify } = await openFrameworks()
  return onFastify(fastify().get('/weather', fastifyHandler(wall, run)))
})

describe('a handler that fails has used nothing up', () => {
  let frameworks: Awaited<ReturnType<typeof openFrameworks>>
  let payos: TestPayos

  beforeAll(async () => {
    frameworks = await openFrameworks()
    payos = await testPayos()
  }, 600_000)
  const hosts: Host[] = []
  afterAll(async () => {
    for (const host of hosts) await host.stop()
  })

  /** Fails once, each in its framework's way, and then serves. */
  const servers: Record<string, (wall: Paywall, fail: () => unknown) => Promise<Host>> = {
    Express: (wall, fail) =>
      hostedOn(
        createServer(
          frameworks.express().get(
            '/weather',
            wall.express(async (_: NodeRequest, response: ExpressResponse) => {
              response.send((await fail()) ?? 'sunny')
            }),
          ),
        ),
      ),
    Fastify: (wall, fail) =>
      onFastify(
        frameworks.fastify().get(
          '/weather',
          wall.fastify(async (_: { raw: NodeRequest }, __: Reply) => (await fail()) ?? 'sunny'),
        ),
      ),
  }

  it.for(Object.entries(servers))('%s', async ([, open], { expect }) => {
    let isBroken = true
    const fail = () => (isBroken ? Promise.reject(new Error('broken')) : undefined)
    const host = await open(paywall(payos.provider), fail)
    hosts.push(host)
    const headers = { 'X-Payment-JWT': await payos.proof() }

    const failed = await getRaw(host.origin, '/weather', headers)
    isBroken = false

    expect(failed.status).toBe(500)
    await expect.poll(async () => (await getRaw(host.origin, '/weather', headers)).status).toBe(200)
    expect((await getRaw(host.origin, '/weather', headers)).status).toBe(402)
  })
})
