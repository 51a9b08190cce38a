import { Hono } from 'hono'
import * as z from 'zod'
import { networkOf } from '../shared/domain/proof-terms.ts'
import type { Listing, Page } from '../shared/domain/quote.ts'
import { ok, type Result } from '../shared/domain/result.ts'
import { malformedField } from '../shared/protocol/fields.ts'
import { listingAnswer } from '../shared/protocol/payments.ts'
import type { Deps } from './deps.ts'
import { type PayosContext, type PayosEnv, refuse } from './http.ts'

type DiscoveryDeps = Pick<Deps, 'environment' | 'issuer' | 'ledger' | 'listings'>

/** A whole number as a query parameter. */
const whole = (min: number, max: number, absent: number) =>
  z
    .string()
    .regex(/^\d{1,5}$/)
    .transform((digits) => Number.parseInt(digits, 10))
    .refine((count) => count >= min && count <= max)
    .default(absent)

const Limit = whole(1, 100, 20)
const Offset = whole(0, 10_000, 0)

/**
 * `GET /discovery/resources`: endpoints whose providers want them found, oldest first, in the open
 * standard's shape. A page may be 60 s old.
 */
export const discovery = (deps: DiscoveryDeps) =>
  new Hono<PayosEnv>().get('/', async (c) => {
    const limit = Limit.safeParse(c.req.query('limit'))
    if (!limit.success) return refuse(c, malformedField('limit'))
    const offset = Offset.safeParse(c.req.query('offset'))
    if (!offset.success) return refuse(c, malformedField('offset'))
    const page = { limit: limit.data, offset: offset.data }
    const listed = await listingOf(c, deps, page)
    if (!listed.ok) return refuse(c, listed.problem)
    const by = { network: networkOf(deps.environment), issuer: deps.issuer, page }
    return c.json(listingAnswer(listed.value, by), 200, {
      'Cache-Control': 'public, max-age=60',
      'Access-Control-Allow-Origin': '*',
    })
  })

/** The page from this isolate, or from the ledger. All that is listed here is reached by HTTP. */
async function listingOf(
  c: PayosContext,
  deps: DiscoveryDeps,
  page: Page,
): Promise<Result<Listing>> {
  if ((c.req.query('type') ?? 'http') !== 'http') return ok({ total: 0, endpoints: [] })

  const name = `${page.limit} ${page.offset}`
  const known = deps.listings.get(name)
  if (known) return ok(known)
  const listed = await deps.ledger.list(page, c.var.trips)
  if (listed.ok) deps.listings.set(name, listed.value)
  return listed
}
