import { DeadLetters } from './dead-letters.ts'
import { Limits } from './limits.ts'
import { Logs } from './logs.ts'
import type { Message } from './message.ts'
import { Mischief } from './mischief.ts'
import { SigningKeys } from './signature.ts'
import { Store, type Table } from './store.ts'

export type UrlGroup = {
  name: string
  createdAt: number
  updatedAt: number
  endpoints: { name?: string | undefined; url: string }[]
}

export type Schedule = {
  scheduleId: string
  cron: string
  destination: string
  queueName: string | undefined
  given: Record<string, string>
  /** Base64. */
  body: string
  createdAt: number
  isPaused: boolean
  lastScheduleTime: number | undefined
  nextScheduleTime: number
}

/** Everything a QStash remembers. All but its logs and its mischief survives a restart. */
export class State {
  readonly messages: Table<Message>
  readonly groups: Table<UrlGroup>
  readonly schedules: Table<Schedule>
  /** First acceptances by deduplication key. */
  readonly accepted: Table<{ messageId: string; at: number }>
  readonly letters: DeadLetters
  readonly limits: Limits
  readonly keys: SigningKeys
  readonly logs = new Logs()
  readonly mischief = new Mischief()
  readonly #keyTable: Table<string>

  constructor(path: string | undefined) {
    const store = new Store(path)
    this.messages = store.table('messages')
    this.groups = store.table('groups')
    this.schedules = store.table('schedules')
    this.accepted = store.table('accepted')
    this.letters = new DeadLetters(store.table('letters'))
    this.limits = new Limits(store)
    this.#keyTable = store.table('keys')
    this.keys = new SigningKeys(this.#keyTable)
  }

  clear(): void {
    const { messages, groups, schedules, accepted, letters, limits, logs, mischief } = this
    const { queues, flows } = limits
    const all = [messages, groups, schedules, accepted, letters, queues, flows, logs, mischief]
    for (const it of [...all, this.#keyTable]) it.clear()
  }
}
