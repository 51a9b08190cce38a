import type { MovableClock } from '../../clock.ts'
import { type Outcome, publishFollowup } from './callbacks.ts'
import { send, unreachable } from './delivery.ts'
import { Hosts } from './hosts.ts'
import { CALLER_IP, type Message } from './message.ts'
import { Refusal } from './refusal.ts'
import { retryDelayMs } from './retry.ts'
import { fireSchedules, nextFiring } from './schedules.ts'
import type { State } from './state.ts'
import { Timeline } from './timeline.ts'

type Flight = {
  messageId: string
  /** By `performance.now()`. */
  startedAt: number
  deadline: number
  expired: boolean
  controller: AbortController
}

/** As many as the hosted service attempts at once on its pay-as-you-go plan. */
const MOST_FLIGHTS = 100

const NEVER = Number.POSITIVE_INFINITY

/** Delivers what is due, at its time, until each message is delivered, given up or cancelled. */
export class Messenger {
  readonly timeline: Timeline
  readonly hosts = new Hosts()
  readonly #clock: MovableClock
  readonly #state: State
  readonly #flights = new Map<string, Flight>()
  #paused = false

  constructor(state: State, clock: MovableClock) {
    this.#state = state
    this.#clock = clock
    this.timeline = new Timeline(clock, {
      nextAt: () => this.#nextAt(),
      run: (now) => this.#run(now),
      underWay: () => [...this.#flights.values()].map(({ startedAt }) => startedAt),
    })
  }

  /** Whether the service is out: it keeps its messages and delivers none. */
  set paused(paused: boolean) {
    this.#paused = paused
    this.timeline.poke()
  }

  active(flowControlKey: string): number {
    const keys = [...this.#flights.keys()].map((id) => this.#state.messages.get(id)?.plan.flow?.key)
    return keys.filter((key) => key === flowControlKey).length
  }

  /** Stops a message from being attempted again; what is under way is not called back. */
  cancel(id: string): void {
    const message = this.#state.messages.get(id)
    if (!message) throw new Refusal(404, `message ${id} not found`)
    const time = this.#clock.now()
    this.#state.logs.add('CANCEL_REQUESTED', message, { time })
    if (this.#flights.has(id)) this.#state.messages.set(id, { ...message, cancelled: true })
    else this.#end('CANCELLED', message, time)
    this.timeline.poke()
  }

  /** Leaves what is under way to itself and forgets it. */
  forget(): void {
    for (const { controller } of this.#flights.values()) controller.abort()
    this.#flights.clear()
  }

  stop(): void {
    this.timeline.stop()
    this.forget()
  }

  #nextAt(): number {
    const deadlines = this.#running().map(({ deadline }) => deadline)
    const turns = this.#turns().map(([, at]) => at)
    return Math.min(nextFiring(this.#state), ...deadlines, turns.reduce(least, NEVER))
  }

  #run(now: number): void {
    for (const flight of this.#running()) if (flight.deadline <= now) expire(flight)
    fireSchedules(this.#state, now)
    const due = this.#turns().filter(([, at]) => at <= now)
    due.sort(([a], [b]) => a.dueAt - b.dueAt)
    for (const [message] of due) {
      if (this.#flights.size >= MOST_FLIGHTS) return
      this.#start(message, now)
      // This start may have taken the place of the next one.
      if (message.plan.flow || message.queueName) return
    }
  }

  #running(): Flight[] {
    return [...this.#flights.values()].filter(({ expired }) => !expired)
  }

  #turns(): [Message, number][] {
    if (this.#paused || this.#flights.size >= MOST_FLIGHTS) return []
    const { limits, messages, mischief } = this.#state
    const turns = limits.turns(messages.rows(), new Set(this.#flights.keys()))
    return turns.filter(([{ id }]) => !mischief.isHeld(id))
  }

  #start(message: Message, now: number): void {
    if (this.#state.mischief.hold(message)) return
    const flight = {
      messageId: message.id,
      startedAt: performance.now(),
      deadline: now + message.plan.timeoutMs,
      expired: false,
      controller: new AbortController(),
    }
    this.#flights.set(message.id, flight)
    if (message.plan.flow) this.#state.limits.count(message.plan.flow, now)
    this.#state.logs.add('ACTIVE', message, { time: now })
    void this.#fly(flight, message)
  }

  async #fly(flight: Flight, message: Message): Promise<void> {
    const outcome = await this.#attempt(flight, message)
    // Forgotten meanwhile: by a reset, or because the stand-in stops.
    if (this.#flights.get(flight.messageId) !== flight) return
    this.#flights.delete(flight.messageId)
    this.#state.mischief.letGo(flight.messageId)
    const current = this.#state.messages.get(flight.messageId)
    if (current) this.#conclude(current, outcome)
    this.timeline.poke()
  }

  async #attempt(flight: Flight, message: Message): Promise<Outcome> {
    const place = this.hosts.locate(message.url)
    const reason = unreachable(place)
    if (reason) return { answer: undefined, error: reason, final: true }
    const { url, plan } = message
    const body = Buffer.from(message.body, 'base64')
    try {
      const signature = await this.#state.keys.sign({ url, body, nowMs: this.#clock.now() })
      const headers = deliveryHeaders(message, signature)
      const { signal } = flight.controller
      const answer = await send({ url: place, method: plan.method, headers, body, signal })
      if (!this.#state.mischief.takeLoss(url)) return { answer, error: undefined, final: false }
      return { answer: undefined, error: 'the connection was lost before the answer', final: false }
    } catch (cause) {
      const error = flight.expired ? `no answer within ${plan.timeoutMs} ms` : reasonOf(cause)
      return { answer: undefined, error, final: false }
    }
  }

  #conclude(message: Message, outcome: Outcome): void {
    const now = this.timeline.now()
    const status = outcome.answer?.status ?? 0
    const delivered = status >= 200 && status < 300
    if (!delivered) this.#logError(message, outcome, now)
    if (message.plan.callback) {
      publishFollowup(this.#state, message.plan.callback, { message, outcome, now })
    }
    if (delivered) this.#delivered(message, now)
    else if (message.cancelled) this.#end('CANCELLED', message, now)
    else if (isFinal(message, outcome)) this.#fail(message, outcome, now)
    else this.#retryLater(message, outcome, now)
  }

  #delivered(message: Message, now: number): void {
    const repeats = message.repeats ?? this.#state.mischief.takeRepeats(message.url)
    if (repeats === 0) this.#end('DELIVERED', message, now)
    else this.#state.messages.set(message.id, { ...message, repeats: repeats - 1, dueAt: now })
  }

  #retryLater(message: Message, { answer }: Outcome, now: number): void {
    const delay = retryDelayMs({
      retried: message.retried,
      expression: message.plan.retryDelay,
      headers: answer?.headers ?? {},
      nowMs: this.#clock.now(),
    })
    const later = { ...message, retried: message.retried + 1, dueAt: now + delay }
    this.#state.messages.set(message.id, later)
    this.#state.logs.add('RETRY', later, { time: now, nextDeliveryTime: later.dueAt })
  }

  #fail(message: Message, outcome: Outcome, now: number): void {
    const { letters, logs } = this.#state
    const dlqId = letters.add(message, { at: now, answer: outcome.answer })
    logs.add('FAILED', message, { time: now, error: outcome.error })
    const followup = message.plan.failureCallback
    if (followup) publishFollowup(this.#state, followup, { message, outcome, now, dlqId })
    this.#state.messages.delete(message.id)
  }

  #end(state: 'DELIVERED' | 'CANCELLED', message: Message, time: number): void {
    this.#state.messages.delete(message.id)
    this.#state.mischief.letGo(message.id)
    this.#state.logs.add(state, message, { time })
  }

  #logError(message: Message, { answer, error }: Outcome, time: number): void {
    this.#state.logs.add('ERROR', message, {
      time,
      error: error ?? `the destination answered ${answer?.status}`,
      responseStatus: answer?.status,
      responseHeaders: answer?.headers,
      responseBody: answer?.body.toString('base64'),
    })
  }
}

const least = (a: number, b: number) => Math.min(a, b)

function expire(flight: Flight): void {
  flight.expired = true
  // The timeline owes the ending of this attempt its patience again.
  flight.startedAt = performance.now()
  flight.controller.abort()
}

function isFinal({ retried, plan }: Message, { answer, final }: Outcome): boolean {
  const refused = answer?.headers['Upstash-Nonretryable-Error']?.[0] === 'true'
  return final || retried >= plan.maxRetries || (answer?.status === 489 && refused)
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause)
  return 'code' in cause ? `${cause.code} ${cause.message}`.trim() : cause.message
}

function deliveryHeaders(message: Message, signature: string): Record<string, string> {
  return {
    'user-agent': 'Upstash-QStash',
    ...message.plan.headers,
    'upstash-signature': signature,
    'upstash-message-id': message.id,
    'upstash-retried': String(message.retried),
    'upstash-caller-ip': CALLER_IP,
    'upstash-region': 'EU-CENTRAL-1',
    ...(message.scheduleId && { 'upstash-schedule-id': message.scheduleId }),
    ...(message.topicName && { 'upstash-topic-name': message.topicName }),
  }
}
