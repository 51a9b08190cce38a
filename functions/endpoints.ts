import { Hono } from 'hono'
import { EndpointId } from '../shared/domain/ids.ts'
import { networkOf } from '../shared/domain/proof-terms.ts'
import { QUOTE_SECONDS, type Quote } from '../shared/domain/quote.ts'
import { refusal } from '../shared/domain/refusal.ts'
import { ok, type Result } from '../shared/domain/result.ts'
import type { ToldQuote } from '../shared/ports.ts'
import { quoteAnswer } from '../shared/protocol/payments.ts'
import type { Deps } from './deps.ts'
import { type PayosContext, type PayosEnv, refuse } from './http.ts'

type EndpointsDeps = Pick<
  Deps,
  'clock' | 'environment' | 'issuer' | 'ledger' | 'quotes' | 'recentQuotes' | 'meter' | 'later'
>

/** `GET /endpoints/{id}`: the requirement a provider quotes in a 402. Up to 60 s old. */
export const endpoints = (deps: EndpointsDeps) =>
  new Hono<PayosEnv>().get('/:id', async (c) => {
    const id = EndpointId.safeParse(c.req.param('id'))
    if (!id.success) return refuse(c, refusal('not_found'))

    const quote = await quoteOf(c, deps, id.data)
    if (!quote.ok) return refuse(c, quote.problem)
    if (!quote.value) return refuse(c, refusal('not_found'))
    return c.json(
      quoteAnswer(quote.value, { network: networkOf(deps.environment), issuer: deps.issuer }),
    )
  })

/** The quote from the nearest tier that has it: isolate, Redis, ledger. Lower tiers fill the upper. */
async function quoteOf(
  c: PayosContext,
  deps: EndpointsDeps,
  id: EndpointId,
): Promise<Result<Quote | undefined>> {
  const toldAt = deps.clock.nowSeconds()
  const isCurrent = (told: ToldQuote | undefined): told is ToldQuote =>
    told !== undefined &&
    toldAt - told.toldAt < QUOTE_SECONDS &&
    (told.quote.next?.validFrom ?? Infinity) > toldAt

  const recent = deps.recentQuotes.get(id)
  deps.meter.cache('quote_isolate', isCurrent(recent))
  if (isCurrent(recent)) return ok(recent.quote)

  const shared = await deps.quotes.find(id, c.var.trips)
  deps.meter.cache('quote_redis', isCurrent(shared))
  if (isCurrent(shared)) {
    deps.recentQuotes.set(id, shared)
    return ok(shared.quote)
  }
  const answered = await deps.ledger.quote(id, c.var.trips)
  if (answered.ok && answered.value) {
    const told = { quote: answered.value, toldAt }
    deps.recentQuotes.set(id, told)
    deps.later(c, deps.quotes.keep(told))
  }
  return answered
}
