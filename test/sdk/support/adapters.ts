import { type createServer, request as httpRequest } from 'node:http'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { type Paywall, paywall } from '../../../sdk/provider/index.ts'
import { type TestPayos, testPayos } from '../../../sdk/testing/index.ts'
import { close, listen } from './serve.ts'

/** A server whose every path leads to one guarded handler, so that only the paywall decides. */
export type Host = { origin: string; stop: () => Promise<void> }
export type Hosted = (wall: Paywall, run: (paymentId: string) => void) => Promise<Host>

/** What a careless handler says of its answer. */
export const careless = { 'Cache-Control': 'public, max-age=60' }

export async function hostedOn(server: ReturnType<typeof createServer>): Promise<Host> {
  return { origin: await listen(server), stop: () => close(server) }
}

/** Sends a path as it is written, which `fetch` would tidy up first. */
export function getRaw(origin: string, path: string, headers: Record<string, string> = {}) {
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

/** Writes down what a handler behind this adapter is promised, by whatever path it is reached. */
export function specifyAdapter(name: string, open: Hosted): void {
  describe(`a handler behind ${name}`, () => {
    let payos: TestPayos
    let host: Host
    const runs: string[] = []

    beforeAll(async () => {
      payos = await testPayos()
      host = await open(paywall(payos.provider), (paymentId) => runs.push(paymentId))
    }, 600_000)
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
      const proofs = [await payos.proof(), await payos.proof()].join(', ')

      const { status } = await getRaw(host.origin, '/weather', { 'X-Payment-JWT': proofs })

      expect(status).toBe(400)
      expect(runs).toEqual([])
    })
  })
}
