import { type Message, viewOf } from './message.ts'

export type State =
  | 'CREATED'
  | 'ACTIVE'
  | 'RETRY'
  | 'ERROR'
  | 'DELIVERED'
  | 'FAILED'
  | 'CANCEL_REQUESTED'
  | 'CANCELLED'

type Detail = {
  error?: string | undefined
  nextDeliveryTime?: number
  responseStatus?: number | undefined
  responseHeaders?: Record<string, string[]> | undefined
  /** Base64. */
  responseBody?: string | undefined
}

type Entry = ReturnType<typeof entryOf>

const KEPT = 20_000

/** What happened to every message, the latest first; the oldest entries are forgotten. */
export class Logs {
  #entries: Entry[] = []

  add(state: State, message: Message, detail: Detail & { time: number }): void {
    this.#entries.push(entryOf(state, message, detail))
    if (this.#entries.length > 2 * KEPT) this.#entries = this.#entries.slice(-KEPT)
  }

  latestFirst(): Entry[] {
    return this.#entries.toReversed()
  }

  clear(): void {
    this.#entries = []
  }
}

function entryOf(state: State, message: Message, detail: Detail & { time: number }) {
  return {
    ...viewOf(message),
    state,
    timeout: message.plan.timeoutMs,
    ...detail,
    body: message.body,
    bodyBase64: undefined,
  }
}
