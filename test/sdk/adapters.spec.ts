import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http'
import { type Context, Hono } from 'hono'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { type Paywall, paywall } from '../../sdk/provider/index.ts'
import { type TestPayos, testPayos } from '../../sdk/testing/index.ts'
import { close, listen, serve } from './support/serve.ts'

/** A server whose every path leads to one guarded handler, so that only the paywall decides. */
type Host = { origin: string; stop: () => Promise<void> }
type Hosted = (wall: Paywall, run: (paymentId: string) => void) => Promise<Host>

const hosts: Record<string, Hosted> = {
  'Request → Response': async (wall, run) =>
    serve(
      wall.wrap((_, { paymentId }) => {
        run(paymentId)
        return new Response('sunny', { headers: careless })
      }),
    ),
  'Next route handlers': async (wall, run) => {
    const GET = wall.next(async (_, { params }: { params: string }, { paymentId }) => {
      run(paymentId)
      return new Response(params, { headers: careless })
    })
    return serve((request) => GET(request, { params: 'sunny' }))
  },
  Hono: async (wall, run) => {
    const app = new Hono().get(
      '*',
      wall.hono((c: Context, { paymentId }) => {
        run(paymentId)
        return c.text('sunny', 200, careless)
      }),
    )
    return serve((request) => app.fetch(request))
  },
  'Express and node:http': async (wall, run) => {
    const handler = wall.express((_: IncomingMessage, response: ServerResponse, { paymentId }) => {
      run(paymentId)
      response.writeHead(200, careless).end('sunny')
    })
    return hostedOn(createServer((request, response) => handler(request, response)))
  },
  Fastify: async (wall, run) => {
    const handler = wall.fastify((_: RawRequest, reply: RawReply, { paymentId }) => {
      run(paymentId)
      reply.raw.setHeader('Cache-Control', 'public')
      reply.raw.end('sunny')
    })
    return hostedOn(
      createServer((raw, response) => handler({ raw }, { raw: response, hijack: () => undefined })),
    )
  },
}

type RawRequest = { raw: IncomingMessage }
type RawReply = { raw: ServerResponse; hijack: () => unknown }

const careless = { 'Cache-Control': 'public, max-age=60' }

async function hostedOn(server: ReturnType<typeof createServer>): Promise<Host> {
  return { origin: await listen(server), stop: () => close(server) }
}

/** Sends a path as it is written, which `fetch` would tidy up first. */
function getRaw(origin: string, path: string, headers: Record<string, string> = {}) {
  const { hostname, port } = new URL(origin)
  return new Promise<{ status: number; cache: string | undefined }>((resolve, reject) => {
    httpRequest({ hostname, port, path, headers }, (response) => {
      response.resume()
      const cache = response.headers['cache-control']
      resolve({ status: response.statusCode ?? 0, cache })
    })
      .on('error', reject)
      .end()
  })
}

const tricks = [
  '//weather',
  '/weather/',
  '/WEATHER',
  '/%77eather',
  '/x/../weather',
  '/x/%2e%2e/weather',
  '/x%2f..%2fweather',
  '/weather%2f',
  '/weather%252f',
  '/weather%5c',
  '/weather;a=1',
  '/weather%',
  '/weather%c0',
  '/weather%00',
  '/./weather',
  '/weather/.',
  '/weather/../free',
  '/weather?x=/../free',
  '/free',
]

describe.for(Object.keys(hosts))('a handler behind %s', (name) => {
  let payos: TestPayos
  let host: Host
  const runs: string[] = []

  beforeAll(async () => {
    payos = await testPayos()
    const host_ = hosts[name]
    if (!host_) throw new Error(name)
    host = await host_(paywall(payos.provider), (paymentId) => runs.push(paymentId))
  })
  afterAll(() => host?.stop())

  it('is asked to be paid, and runs once for a payment', async ({ expect }) => {
    const proof = { 'X-Payment-JWT': await payos.proof() }

    const bare = await getRaw(host.origin, '/weather')
    const first = await getRaw(host.origin, '/weather', proof)
    const second = await getRaw(host.origin, '/weather', proof)

    expect([bare.status, first.status, second.status]).toEqual([402, 200, 402])
    expect([bare.cache, first.cache, second.cache]).toEqual(Array(3).fill('no-store'))
    expect(runs.splice(0)).toHaveLength(1)
  })

  it.for(tricks)('does not run unpaid by the path %s', async (path, { expect }) => {
    const { status } = await getRaw(host.origin, path)

    expect([400, 402, 404]).toContain(status)
    expect(runs).toEqual([])
  })

  it.for(tricks)(
    'does not run for a payment of /other by the path %s',
    async (path, { expect }) => {
      const proof = await payos.proof({ rsh: 'b3RoZXJvdGhlcm90aGVybw' })

      const { status } = await getRaw(host.origin, path, { 'X-Payment-JWT': proof })

      expect([400, 402, 404]).toContain(status)
      expect(runs).toEqual([])
    },
  )

  it('does not run for two proofs in one header sent twice', async ({ expect }) => {
    const proofs = [await payos.proof(), await payos.proof()]

    const { status } = await getRaw(host.origin, '/weather', { 'X-Payment-JWT': proofs.join(', ') })

    expect(status).toBe(400)
    expect(runs).toEqual([])
  })
})

describe('a handler of node:http', () => {
  it('that fails has used nothing up', async ({ expect }) => {
    const payos = await testPayos()
    let status = 500
    const handler = paywall(payos.provider).express((_, response) => {
      response.statusCode = status
      response.end()
    })
    const host = await hostedOn(createServer((request, response) => handler(request, response)))
    const headers = { 'X-Payment-JWT': await payos.proof() }

    const failed = await getRaw(host.origin, '/weather', headers)
    status = 200
    await expect.poll(async () => (await getRaw(host.origin, '/weather', headers)).status).toBe(200)

    expect(failed.status).toBe(500)
    await host.stop()
  })

  it('that throws hands its error to the next one', async ({ expect }) => {
    const payos = await testPayos()
    const broken = new Error('broken')
    const errors: unknown[] = []
    const handler = paywall(payos.provider).express(() => Promise.reject(broken))
    const server = createServer((request, response) =>
      handler(request, response, (error) => {
        errors.push(error)
        response.writeHead(500).end()
      }),
    )
    const host = await hostedOn(server)
    const headers = { 'X-Payment-JWT': await payos.proof() }

    expect((await getRaw(host.origin, '/weather', headers)).status).toBe(500)
    expect(errors).toEqual([broken])
    await host.stop()
  })
})

describe('a paywall behind a proxy', () => {
  it('knows the URL the agent paid, whatever host and path arrive', async ({ expect }) => {
    const payos = await testPayos({ url: 'https://api.example/v2/weather' })
    const wall = paywall({ ...payos.provider, basePath: '/v2' })
    const handle = wall.wrap(() => new Response('sunny'))
    const headers = { 'X-Payment-JWT': await payos.proof() }

    const response = await handle(new Request('http://10.0.0.7:3000/weather', { headers }))
    const asked = await handle(new Request('http://10.0.0.7:3000/weather?city=lima'))

    expect(response.status).toBe(200)
    expect((await asked.json()).resource.url).toBe('https://api.example/v2/weather?city=lima')
  })
})
