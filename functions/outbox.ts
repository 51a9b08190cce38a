import type { Outbox, Wakes } from '../shared/ports.ts'

/** Events taken at once, and how often in a row: what is left is taken a minute later. */
const TAKE_MOST = 1_000
const ROUNDS_MAX = 10

/**
 * Sends every event that is due on its way; answers how many.
 *
 * Two at once share the work. What QStash did not take is taken again after two minutes.
 */
export async function flushOutbox(deps: { outbox: Outbox; wakes: Wakes }): Promise<number> {
  let sent = 0
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const taken = await deps.outbox.take(TAKE_MOST)
    if (taken.length > 0 && !(await deps.wakes.publishWebhooks(taken))) break
    sent += taken.length
    if (taken.length < TAKE_MOST) break
  }
  return sent
}
