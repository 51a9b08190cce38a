import { LRUCache } from 'lru-cache'
import type { Clock } from '../shared/ports.ts'

/** How much an isolate remembers, and for how long. */
export type MemoryTerms = { max: number; seconds: number; clock: Clock }

/**
 * What an isolate remembers for a while: the entries used last, each until its time is over.
 *
 * It reads the clock each time. The cache would by default hold on to a reading until a timer
 * fires, and a timer ends with the request that set it: time would stand still, and what should be
 * forgotten would stay for good. Entries count as one each in place of a `max`, for which the
 * cache would make room in full at once: over a millisecond of a cold isolate's time.
 */
export const memoryOf = <Key extends string, Value extends NonNullable<unknown>>({
  max,
  seconds,
  clock,
}: MemoryTerms): LRUCache<Key, Value> =>
  new LRUCache({
    maxSize: max,
    sizeCalculation: () => 1,
    ttl: seconds * 1000,
    ttlResolution: 0,
    perf: { now: () => clock.nowSeconds() * 1000 },
  })
