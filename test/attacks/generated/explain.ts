import type { Answer } from '../../support/http.ts'
import type { World } from '../../support/world.ts'

/** How often a request is repeated before a failure of it counts as a fault of ours. */
const REPEATS = 10

/**
 * Does what a 5xx tells its caller to do: repeats the same request, until it is answered.
 *
 * Returns the answer and what is wrong with it, if something is: the failure is explained by a
 * dependency that was slow only when the repeat answers the very payment that was in doubt, or
 * declines it and the ledger does not have it.
 */
export async function explain(
  world: World,
  failure: Answer,
  repeat: () => Promise<Answer>,
): Promise<{ answer: Answer; fault: string | undefined }> {
  let answer = failure
  for (let tries = 0; tries < REPEATS && answer.status >= 500; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 100 * 2 ** Math.min(tries, 4)))
    answer = await repeat()
  }
  if (answer.status >= 500) return { answer, fault: `${answer.status} after ${REPEATS} repeats` }
  const doubted: string | undefined = failure.body.payment_id
  if (doubted === undefined) return { answer, fault: undefined }
  if (answer.status === 200) {
    const isSame = answer.body.paymentId === doubted
    return { answer, fault: isSame ? undefined : `${doubted} was in doubt, another was answered` }
  }
  const { sql } = world.database
  const stored = await sql`select from ledger.payments where id = ${doubted}`
  return { answer, fault: stored.length > 0 ? `${doubted} is declined, and made` : undefined }
}
