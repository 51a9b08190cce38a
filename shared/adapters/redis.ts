import * as z from 'zod'
import { EndpointId, ProviderId } from '../domain/ids.ts'
import { Amount, Currency } from '../domain/money.ts'
import { QUOTE_SECONDS } from '../domain/quote.ts'
import type { Answers, Backend, Clock, Counters, Quotes, ToldQuote, Trips } from '../ports.ts'
import { connect, type Redis, type RedisAddress } from './redis-call.ts'
import { batched, breaker, type Guarded } from './redis-patience.ts'

/** A request waits this long for Redis and no longer: past it, asking the ledger is faster. */
const READ_TIMEOUT_MS = 30

/** Writes happen after the answer has left. */
const WRITE_TIMEOUT_MS = 1_000

const Stored = z.lazy(() =>
  z.object({
    keyHash: z.string(),
    thumbprint: z.string().nullable(),
    body: z.string(),
  }),
)

/** Quotes as they lie in Redis: amounts as digits. */
const StoredQuote = z.lazy(() =>
  z.codec(
    z.object({
      endpointId: EndpointId,
      providerId: ProviderId,
      method: z.string(),
      url: z.string(),
      currency: Currency,
      amount: Amount,
      priceVersion: z.int(),
      active: z.boolean(),
      next: z.object({ amount: Amount, priceVersion: z.int(), validFrom: z.int() }).nullable(),
      toldAt: z.int(),
    }),
    z.custom<ToldQuote>(),
    {
      decode: ({ toldAt, next, ...quote }) => ({
        quote: { ...quote, next: next ?? undefined },
        toldAt,
      }),
      encode: ({ quote, toldAt }) => ({ ...quote, next: quote.next ?? null, toldAt }),
    },
  ),
)

const parse = <Schema extends z.ZodType>(schema: Schema, text: unknown) => {
  if (typeof text !== 'string') return undefined
  try {
    return schema.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}

type Kept = Parameters<Answers['keep']>[0]

/** The shared tier of the caches and the counters, in Upstash Redis. See docs/storage.md. */
export function redisStores(
  address: RedisAddress,
  clock: Clock,
): { answers: Answers; quotes: Quotes; counters: Counters } {
  const reads = connect(address, READ_TIMEOUT_MS)
  const writes = connect(address, WRITE_TIMEOUT_MS)
  const guarded = breaker(clock)
  const key = (kind: string, id: string) => `payos:${address.environment}:${kind}:${id}`
  const read = <Value>(trips: Trips, run: () => Promise<Value>) =>
    guarded(() => trips.wait('redis' satisfies Backend, run))

  return {
    answers: {
      async find(id, trips) {
        return parse(Stored, await read(trips, () => reads.call('get', key('answer', id))))
      },
      keep: batched(async (kept: readonly Kept[]) => {
        const commands = kept.map(({ id, answer, until }) => {
          return ['set', key('answer', id), JSON.stringify(answer), 'exat', until]
        })
        await guarded(() => writes.callAll(commands))
      }),
    },
    quotes: {
      async find(id, trips) {
        return parse(StoredQuote, await read(trips, () => reads.call('get', key('quote', id))))
      },
      async keep(told) {
        const text = JSON.stringify(StoredQuote.encode(told))
        const name = key('quote', told.quote.endpointId)
        await guarded(() => writes.call('set', name, text, 'ex', QUOTE_SECONDS))
      },
    },
    // Apart: what is late for a payment is early enough for an operator who watches one.
    counters: counters(writes, breaker(clock), key('counters', 'edge')),
  }
}

function counters(redis: Redis, guarded: Guarded, key: string): Counters {
  return {
    async add(deltas) {
      const commands = [...deltas].map(([name, by]) => ['hincrby', key, name, by])
      if (commands.length > 0) await guarded(() => redis.callAll(commands))
    },
    async read(trips) {
      const all = await guarded(() => trips.wait('redis', () => redis.call('hgetall', key)))
      return all === undefined ? undefined : pairs(all)
    },
  }
}

/** A hash as Redis sends it: name, digits, name, … */
function pairs(flat: unknown): Map<string, number> {
  const texts = z.array(z.string()).nullable().parse(flat) ?? []
  return new Map(
    texts.flatMap((name, at): [string, number][] =>
      at % 2 === 0 ? [[name, Number.parseInt(texts[at + 1] ?? '0', 10)]] : [],
    ),
  )
}
