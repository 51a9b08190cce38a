import type { Answer } from './delivery.ts'
import { bodyView, type Message, viewOf } from './message.ts'
import { Refusal } from './refusal.ts'
import type { Table } from './store.ts'

type DeadLetter = {
  dlqId: string
  message: Message
  at: number
  /** Absent when no answer came. */
  response: { status: number; headers: Record<string, string[]>; body: string } | undefined
}

/** The messages that were given up, until somebody deletes or retries them. */
export class DeadLetters {
  readonly #table: Table<DeadLetter>

  constructor(table: Table<DeadLetter>) {
    this.#table = table
  }

  add(message: Message, failure: { at: number; answer: Answer | undefined }): string {
    const { at, answer } = failure
    let dlqId = `${at}-0`
    for (let n = 1; this.#table.get(dlqId); n += 1) dlqId = `${at}-${n}`
    const response = answer && { ...answer, body: answer.body.toString('base64') }
    this.#table.set(dlqId, { dlqId, message, at, response })
    return dlqId
  }

  get(dlqId: string): DeadLetter {
    const letter = this.#table.get(dlqId)
    if (!letter) throw new Refusal(404, `message ${dlqId} not found in the dlq`)
    return letter
  }

  views() {
    return this.#table.rows().map(letterView)
  }

  delete(dlqId: string): void {
    this.get(dlqId)
    this.#table.delete(dlqId)
  }

  clear(): void {
    this.#table.clear()
  }
}

export const letterView = ({ dlqId, message, at, response }: DeadLetter) => ({
  ...viewOf(message),
  dlqId,
  time: at,
  responseStatus: response?.status,
  responseHeader: response?.headers,
  ...bodyView('responseBody', Buffer.from(response?.body ?? '', 'base64')),
})
