import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type Context, Hono } from 'hono'
import { describe, it } from 'vitest'
import { paywall } from '../../sdk/provider/index.ts'
import { testPayos } from '../../sdk/testing/index.ts'
import { careless, getRaw, type Hosted, hostedOn, specifyAdapter } from './support/adapters.ts'
import { serve } from './support/serve.ts'

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

for (const [name, open] of Object.entries(hosts)) specifyAdapter(name, open)

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
