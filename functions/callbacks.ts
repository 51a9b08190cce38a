import type { LRUCache } from 'lru-cache'
import { readJson } from '../shared/domain/json.ts'
import { problem } from '../shared/domain/problem.ts'
import type { Result } from '../shared/domain/result.ts'
import type { Callbacks } from '../shared/ports.ts'
import { readBytes } from './body.ts'
import type { PayosContext } from './http.ts'

export type CallbackDeps = {
  callbacks: Callbacks
  /** Callbacks this isolate has let in, for as long as their signatures last. */
  seenCallbacks: LRUCache<string, true>
}

/** How long a callback could be shown again: the life of its signature, and what clocks may differ. */
export const CALLBACK_SECONDS = 320

/**
 * What QStash brings to this route, if it does and for the first time; else a problem that tells a
 * stranger nothing. Nothing is done before, and no header is believed.
 *
 * A repeat that another isolate let in passes: whatever a callback starts must bear repeating.
 */
export async function readCallback(c: PayosContext, deps: CallbackDeps): Promise<Result<unknown>> {
  const signature = c.req.header('upstash-signature')
  if (signature === undefined) return refused
  const body = await readBytes(c.req.raw)
  if (!body) return refused
  const known = await deps.callbacks.read({ signature, path: c.req.path, body })
  if (!known || deps.seenCallbacks.has(known.id)) return refused

  deps.seenCallbacks.set(known.id, true)
  const json = readJson(body)
  return { ok: true, value: json.ok ? json.value : undefined }
}

/** Tells QStash that repeating this message is of no use, so that it is put aside and seen. */
export const poison = (c: PayosContext) =>
  c.body(null, 489 as 400, { 'Upstash-NonRetryable-Error': 'true' })

const refused: Result<never> = {
  ok: false,
  problem: problem('signature_invalid', {
    detail: 'This route takes callbacks of QStash only.',
    hint: 'There is nothing here for you.',
  }),
}
