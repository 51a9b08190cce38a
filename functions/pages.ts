import type { MiddlewareHandler } from 'hono'
import { cors } from 'hono/cors'
import type { PayosEnv } from './http.ts'

/** So long a browser remembers that a page may call. */
const PREFLIGHT_SECONDS = 600

/**
 * Lets web pages of these origins, and of no others, read what they ask of the edge.
 *
 * No cookie counts for anything here: a page shows a key of its own, as every other caller does.
 * Source: WHATWG Fetch, section 3.3 (CORS protocol).
 */
export function pages(origins: readonly string[]): MiddlewareHandler<PayosEnv> {
  const admit = cors({
    origin: [...origins],
    allowMethods: ['GET', 'HEAD', 'POST'],
    allowHeaders: ['Authorization', 'X-API-Key', 'Content-Type', 'Idempotency-Key'],
    exposeHeaders: ['Date', 'Retry-After', 'X-Request-Id', 'EXTENSION-RESPONSES'],
    maxAge: PREFLIGHT_SECONDS,
  })
  return async function page(c, next) {
    if (origins.includes(c.req.header('Origin') ?? '')) return admit(c, next)
    await next()
    // A cache must not show a page that may read it what somebody else was answered.
    c.res.headers.append('Vary', 'Origin')
  }
}
