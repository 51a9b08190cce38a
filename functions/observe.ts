import type { MiddlewareHandler } from 'hono'
import type { Deps } from './deps.ts'
import type { PayosContext, PayosEnv } from './http.ts'
import { RequestTrips } from './trips.ts'

/** Routes by the name they have in metrics; everything else is `other`, so that labels stay few. */
const routeNames: Record<string, string> = {
  'POST /v1/x402/pay': 'pay',
  'POST /v1/x402/verify': 'verify',
  'POST /v1/x402/settle': 'settle',
  'POST /v1/x402/refund': 'refund',
  'GET /v1/x402/payments': 'payments',
  'GET /v1/x402/payments/': 'payments',
  'GET /v1/x402/endpoints/': 'endpoints',
  'GET /v1/x402/supported': 'supported',
  'GET /v1/x402/discovery/resources': 'discovery',
  'GET /.well-known/jwks.json': 'jwks',
  'POST /internal/settlements': 'settlements',
  'POST /internal/webhooks': 'webhooks',
}

type ObserveDeps = Pick<Deps, 'issuer' | 'environment' | 'meter' | 'later'>

/**
 * Gives each request its id, trips and headers, and writes one line about it when it is answered.
 *
 * The id is the platform's own for the request, so that its logs and ours can be joined. The line
 * and the counters hold codes and ids, never a key, a proof, a body or an address.
 */
export const observe = (deps: ObserveDeps): MiddlewareHandler<PayosEnv> =>
  async function observed(c, next) {
    const started = performance.now()
    const requestId = requestIdOf(c)
    const trips = new RequestTrips()
    c.set('requestId', requestId)
    c.set('trips', trips)
    c.set('issuer', deps.issuer)

    await next()

    // Not by `c.header`, which makes the whole answer anew for each name.
    const { headers } = c.res
    headers.set('X-Request-Id', requestId)
    headers.set('X-Content-Type-Options', 'nosniff')
    if (!headers.has('Cache-Control')) headers.set('Cache-Control', 'no-store')
    if (deps.environment === 'test' && trips.taken.length > 0) {
      headers.set('Server-Timing', trips.toString())
    }
    const route = routeOf(`${c.req.method} ${c.req.path}`)
    const code = c.get('outcome') ?? 'ok'
    deps.meter.request({ route, code, ms: performance.now() - started })
    deps.later(c, deps.meter.flush())
    if (code !== 'ok') log({ requestId, route, code, status: c.res.status })
  }

/** Cloudflare names each request; elsewhere, and for a name of another form, one is made. */
function requestIdOf(c: PayosContext): string {
  const ray = c.req.header('cf-ray') ?? ''
  return /^[A-Za-z0-9-]{1,64}$/.test(ray) ? ray : crypto.randomUUID()
}

/** An id at the end of the path does not count. */
const routeOf = (request: string): string =>
  routeNames[request] ?? routeNames[request.slice(0, request.lastIndexOf('/') + 1)] ?? 'other'

function log(line: Record<string, unknown>): void {
  // biome-ignore lint/suspicious/noConsole: the one place requests are written to the log
  console.log(JSON.stringify(line))
}
