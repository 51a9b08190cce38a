import type { Edge, Refused, Told } from './edge.ts'
import { PaymentError, type PaymentErrorDetails } from './errors.ts'
import type { Settings } from './options.ts'

const ATTEMPTS_MAX = 4

/** The longest that is waited between two attempts, at the edge or at a provider. */
export const WAIT_MAX_MS = 5_000

export type Asking = { settings: Settings; edge: Edge; signal: AbortSignal; requestId: string }

/** What came of asking, and whether any attempt's outcome is not known. */
export type Asked<Value> = Told<Value> & { isUnsure: boolean }

/**
 * Asks the edge again exactly as its answers say: the same request after a failure, later when
 * told to wait a little, with the edge's time when ours is wrong. Everything else is final.
 */
export async function patiently<Value>(
  ask: () => Promise<Told<Value>>,
  { settings, edge, signal, requestId }: Asking,
): Promise<Asked<Value>> {
  let isUnsure = false
  for (let attempt = 1; ; attempt++) {
    const told = await ask()
    if (told.ok) return { ...told, isUnsure }
    const { refused } = told
    isUnsure ||= refused.retry === 'same_request'

    const waitMs = waitBefore(refused, attempt, edge)
    if (waitMs === undefined) return { ...told, isUnsure }
    settings.onEvent({ type: 'retrying', requestId, code: refused.code, waitMs })
    await settings.timing.wait(waitMs, signal)
  }
}

/** How long to wait before the next attempt; nothing when there is to be none. */
function waitBefore(refused: Refused, attempt: number, edge: Edge): number | undefined {
  if (attempt >= ATTEMPTS_MAX) return undefined
  const { code, retry, retry_after_ms: retryAfterMs } = refused
  if (code === 'timestamp_out_of_range') {
    return edge.correctClock(refused.seconds) ? 0 : undefined
  }
  if (retry === 'same_request') return Math.min(retryAfterMs ?? backoffMs(attempt), WAIT_MAX_MS)
  const isSoon = retryAfterMs !== undefined && retryAfterMs <= WAIT_MAX_MS
  return retry === 'after' && isSoon ? retryAfterMs : undefined
}

/** Half to all of a quarter second, doubled each time, so that many clients do not come as one. */
export const backoffMs = (attempt: number): number =>
  250 * 2 ** (attempt - 1) * (0.5 + Math.random() / 2)

/** What the edge refused, as the error of the call. */
export function failure(
  { code, detail, rule, retry_after_ms, ...refused }: Refused,
  lead: string,
  more: PaymentErrorDetails = {},
): PaymentError {
  const isLost = code === 'outcome_unknown' && !more.paymentId
  return new PaymentError(isLost ? 'dependency_unavailable' : code, `${lead} ${detail}`, {
    retry: refused.retry,
    hint: refused.hint,
    retryAfterMs: retry_after_ms,
    reason: rule,
    ...more,
  })
}
