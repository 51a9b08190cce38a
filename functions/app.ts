import { Hono } from 'hono'
import { problem } from '../shared/domain/problem.ts'
import type { Deps } from './deps.ts'
import { discovery } from './discovery.ts'
import { endpoints } from './endpoints.ts'
import { health, ready } from './health.ts'
import { type PayosContext, type PayosEnv, refuse } from './http.ts'
import { jwks } from './jwks.ts'
import { metrics } from './metrics.ts'
import { observe } from './observe.ts'
import { pages } from './pages.ts'
import { pay } from './pay.ts'
import { payments } from './payments.ts'
import { problemPages } from './problems.ts'
import { refund } from './refund.ts'
import { settle } from './settle.ts'
import { settlements } from './settlements.ts'
import { supported } from './supported.ts'
import { verify } from './verify.ts'
import { webhooks } from './webhooks.ts'

/** Every route there is, on one screen. */
export function createApp(deps: Deps): Hono<PayosEnv> {
  const app = new Hono<PayosEnv>()
  app.use(observe(deps))
  if (deps.pageOrigins.length > 0) app.use('/v1/x402/*', pages(deps.pageOrigins))

  app.route('/v1/x402/pay', pay(deps))
  app.route('/v1/x402/verify', verify(deps))
  app.route('/v1/x402/settle', settle(deps))
  app.route('/v1/x402/refund', refund(deps))
  app.route('/v1/x402/payments', payments(deps))
  app.route('/v1/x402/endpoints', endpoints(deps))
  app.route('/v1/x402/supported', supported(deps))
  app.route('/v1/x402/discovery/resources', discovery(deps))
  app.route('/.well-known/jwks.json', jwks(deps))
  app.route('/internal/settlements', settlements(deps))
  app.route('/internal/webhooks', webhooks(deps))
  app.route('/health', health())
  app.route('/ready', ready(deps))
  app.route('/v1/metrics', metrics(deps))
  app.route('/problems', problemPages())

  for (const path of [
    '/v1/x402/pay',
    '/v1/x402/verify',
    '/v1/x402/settle',
    '/v1/x402/refund',
    '/internal/settlements',
    '/internal/webhooks',
  ]) {
    app.all(path, otherMethod('POST'))
  }
  for (const path of [
    '/v1/x402/payments',
    '/v1/x402/payments/:id',
    '/v1/x402/endpoints/:id',
    '/v1/x402/supported',
    '/v1/x402/discovery/resources',
    '/.well-known/jwks.json',
    '/health',
    '/ready',
    '/v1/metrics',
    '/problems',
  ]) {
    app.all(path, otherMethod('GET, HEAD'))
  }
  app.notFound((c) => refuse(c, noRoute))
  app.onError((error, c) => failed(error, c))
  return app
}

const noRoute = problem('not_found', {
  detail: 'There is no such route.',
  hint: 'Routes are under /v1/x402; a path ends without a slash.',
})

/** The route exists and takes other methods (RFC 9110 section 15.5.6). */
const otherMethod = (allow: string) => (c: PayosContext) => {
  c.header('Allow', allow)
  return refuse(
    c,
    problem('method_not_allowed', {
      detail: `This route takes ${allow} only.`,
      hint: `Use ${allow}.`,
    }),
  )
}

/** A bug. The log has the whole of it under the request id; the caller sees only that. */
function failed(error: Error, c: PayosContext): Response {
  // biome-ignore lint/suspicious/noConsole: the one place a bug is written to the log
  console.error(JSON.stringify({ requestId: c.var.requestId, bug: error.stack ?? String(error) }))
  return refuse(
    c,
    problem('internal', {
      detail: 'Something went wrong on our side.',
      hint: 'Repeat the same request; if it persists, report the request id.',
      retryAfterMs: 1_000,
    }),
  )
}
