import { Redis } from '@upstash/redis/cloudflare'
import * as z from 'zod'
import { EndpointId, ProviderId } from '../domain/ids.ts'
import { Amount, Currency } from '../domain/money.ts'
import type { Quote } from '../domain/quote.ts'
import type { Answers, Backend, Clock, Counters, Quotes, Trips } from '../ports.ts'

/** A request waits this long for Redis and no longer: past it, asking the ledger is faster. */
const READ_TIMEOUT_MS = 30

/** Writes happen after the answer has left. */
const WRITE_TIMEOUT_MS = 1_000

/** After this many failures in a row Redis is left alone for a while. */
const FAILURES_MAX = 3
const OPEN_SECONDS = 5

const QUOTE_SECONDS = 60

export type RedisAddress = { url: string; token: string; environment: string }

/**
 * The client, with the defaults that are unsafe for us turned off: it would repeat a command whose
 * answer was lost, merge commands of different requests, and turn digits into floats.
 */
const connect = ({ url, token }: RedisAddress, timeoutMs: number) =>
  new Redis({
    url,
    token,
    retry: { retries: 0 },
    enableAutoPipelining: false,
    automaticDeserialization: false,
    enableTelemetry: false,
    signal: () => AbortSignal.timeout(timeoutMs),
  })

/** Skips Redis while it fails, so that an outage costs no request its time. */
function breaker(clock: Clock) {
  const state = { failures: 0, openUntil: 0 }
  return async <Value>(run: () => Promise<Value>): Promise<Value | undefined> => {
    if (clock.nowSeconds() < state.openUntil) return undefined
    try {
      const value = await run()
      state.failures = 0
      return value
    } catch {
      // The client's errors repeat whole commands, so they are neither logged nor passed on.
      state.failures += 1
      if (state.failures >= FAILURES_MAX) state.openUntil = clock.nowSeconds() + OPEN_SECONDS
      return undefined
    }
  }
}

const Stored = z.object({
  keyHash: z.string(),
  thumbprint: z.string().nullable(),
  body: z.string(),
})

/** Quotes as they lie in Redis: amounts as digits. */
const StoredQuote = z.codec(
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
  }),
  z.custom<Quote>(),
  {
    decode: (stored) => ({ ...stored, next: stored.next ?? undefined }),
    encode: (quote) => ({ ...quote, next: quote.next ?? null }),
  },
)

const parse = <Schema extends z.ZodType>(schema: Schema, text: unknown) => {
  if (typeof text !== 'string') return undefined
  try {
    return schema.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}

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
        return parse(Stored, await read(trips, () => reads.get<string>(key('answer', id))))
      },
      async keep(id, answer, until) {
        await guarded(() => writes.set(key('answer', id), JSON.stringify(answer), { exat: until }))
      },
    },
    quotes: {
      async find(id, trips) {
        return parse(StoredQuote, await read(trips, () => reads.get<string>(key('quote', id))))
      },
      async keep(quote) {
        const text = JSON.stringify(StoredQuote.encode(quote))
        await guarded(() => writes.set(key('quote', quote.endpointId), text, { ex: QUOTE_SECONDS }))
      },
    },
    counters: counters(writes, guarded, key('counters', 'edge')),
  }
}

function counters(redis: Redis, guarded: ReturnType<typeof breaker>, key: string): Counters {
  return {
    async add(deltas) {
      const pipeline = redis.pipeline()
      for (const [name, by] of deltas) pipeline.hincrby(key, name, by)
      if (deltas.size > 0) await guarded(() => pipeline.exec())
    },
    async read(trips) {
      const all = await guarded(() => trips.wait('redis', () => redis.hgetall(key)))
      return all === undefined ? undefined : pairs(all)
    },
  }
}

/** With deserialization off the client hands a hash over as Redis sends it: name, digits, name, … */
function pairs(flat: unknown): Map<string, number> {
  const texts = z.array(z.string()).nullable().parse(flat) ?? []
  return new Map(
    texts.flatMap((name, at): [string, number][] =>
      at % 2 === 0 ? [[name, Number.parseInt(texts[at + 1] ?? '0', 10)]] : [],
    ),
  )
}
