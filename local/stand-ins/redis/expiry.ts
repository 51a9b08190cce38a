import { inInt64, needInt64 } from './numbers.ts'
import { type Bytes, ReplyError } from './reply.ts'
import type { Store } from './store.ts'

/** A unit and a number: seconds or milliseconds from now, or since the epoch. */
export type Expiry = ['EX' | 'PX' | 'EXAT' | 'PXAT', Bytes]

/** The moment in milliseconds since the epoch; zero, negative or too far is refused. */
export function expiryAt(store: Store, expiry: Expiry, command: string): number {
  const moment = momentOf(store, expiry, command)
  if (needInt64(expiry[1]) <= 0n) throw invalid(command)
  return moment
}

/** Like {@link expiryAt}, where a moment in the past is allowed. */
export function momentOf(store: Store, [unit, text]: Expiry, command: string): number {
  const amount = needInt64(text)
  const inMs = unit === 'EX' || unit === 'EXAT' ? amount * 1000n : amount
  const moment = unit === 'EX' || unit === 'PX' ? inMs + BigInt(store.now()) : inMs
  if (!inInt64(inMs) || !inInt64(moment)) throw invalid(command)
  return Number(moment)
}

const invalid = (command: string) =>
  new ReplyError(`ERR invalid expire time in '${command}' command`)
