import { createHash, createHmac } from 'node:crypto'
import type { Random } from './random.ts'
import type { Timeline } from './timeline.ts'
import type { Weather } from './weather.ts'

export const SIGNING_KEY = 'sig_of_the_simulation'
const RETRIES = 3

export type Callback = { path: string; body: string; signature: string }

type Options = {
  timeline: Timeline
  weather: Weather
  /** Brings a callback to the edge; whether it was answered well. */
  deliver: (callback: Callback) => Promise<boolean>
}

type Message = {
  destination: string
  body: string
  headers: Record<string, string>
  /** Which one it is of all there were. */
  number?: number
}

/** Takes messages, and brings them: once, twice, late, out of order or never. */
export class SimulatedQstash {
  readonly #known = new Map<string, number>()
  readonly #options: Options
  #ids = 0
  /** The last message that was brought to each place. */
  readonly #brought = new Map<string, number>()

  constructor(options: Options) {
    this.#options = options
  }

  answer(init: RequestInit, random: Random): { status: number; body: string } {
    const messages = JSON.parse(String(init.body)) as Message[]
    const taken = messages.map((it) => this.#take({ ...it, number: ++this.#ids }, random))
    return { status: 200, body: JSON.stringify(taken) }
  }

  #take(message: Message, random: Random) {
    const { timeline, weather } = this.#options
    const name = message.headers['Upstash-Deduplication-Id'] ?? ''
    const messageId = `msg_${++this.#ids}`
    if ((this.#known.get(name) ?? 0) > timeline.now) return { messageId, deduplicated: true }
    this.#known.set(name, timeline.now + 600_000)
    if (weather.strikes('qstash: message dropped', random)) return { messageId }

    const notBefore = Number(message.headers['Upstash-Not-Before'] ?? 0) * 1000
    const due = () => Math.max(0, notBefore - timeline.now) + random.between(5, 200)
    const late = weather.strikes('qstash: message delayed', random)
    this.#bring(message, { in: due() + (late ? random.between(1_000, 300_000) : 0), tries: 0 })
    if (weather.strikes('qstash: message doubled', random)) {
      this.#bring(message, { in: due() + random.between(0, 30_000), tries: 0 })
    }
    return { messageId }
  }

  #bring(message: Message, when: { in: number; tries: number }): void {
    const { timeline, deliver } = this.#options
    timeline.after(when.in, async () => {
      const { destination: url, body, number = 0 } = message
      const latest = this.#brought.get(body) ?? 0
      if (number < latest) this.#options.weather.note('qstash: message overtaken')
      this.#brought.set(body, Math.max(latest, number))
      const signature = sign({ url, body, now: timeline.now, id: `${++this.#ids}` })
      const isWell = await deliver({ path: new URL(url).pathname, body, signature })
      if (isWell || when.tries >= RETRIES) return
      this.#bring(message, { in: 12_000 * 2 ** when.tries, tries: when.tries + 1 })
    })
  }
}

function sign(of: { url: string; body: string; now: number; id: string }): string {
  const seconds = Math.floor(of.now / 1000)
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const claims = {
    ...{ iss: 'Upstash', sub: of.url, jti: `jwt_${of.id}` },
    ...{ iat: seconds, nbf: seconds, exp: seconds + 300 },
    body: createHash('sha256').update(of.body).digest('base64url'),
  }
  const text = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(claims)}`
  return `${text}.${createHmac('sha256', SIGNING_KEY).update(text).digest('base64url')}`
}
