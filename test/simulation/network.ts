import { calledIn } from './called.ts'
import { type Task, watch } from './platform.ts'
import type { Timeline } from './timeline.ts'
import type { Site, Weather } from './weather.ts'

export type Server = {
  name: 'redis' | 'database' | 'qstash'
  isDown: () => boolean
  answer: (task: Task, url: string, init: RequestInit) => Promise<Reply> | Reply
}
type Reply = { status: number; body: string }

type Options = {
  timeline: Timeline
  weather: Weather
  serverOf: (url: string) => Server
  /** Ends an isolate with all that runs in it. */
  kill: (task: Task) => void
}

type Sent = {
  url: string
  init: RequestInit
  /** Which function or script it calls. */
  what: string
  resolve: (reply: Reply) => void
  reject: (cause: Error) => void
}

/** One of its own each time: what waits for one that all share is kept for good, its world with it. */
const never = () => new Promise<never>(() => undefined)
const headers = new Headers({ 'content-type': 'application/json' })

/** As much of a response as clients read; a real one would make a stream of each body. */
const responseOf = ({ status, body }: Reply): Response => {
  const ok = status >= 200 && status < 300
  const read = { text: async () => body, json: async () => JSON.parse(body) }
  return { ok, status, statusText: '', headers, ...read } as unknown as Response
}

const broken = () => new TypeError('fetch failed')

/** The way between an isolate and what it depends on: every step of it is a place to fail or die. */
export class Network {
  readonly #options: Options

  constructor(options: Options) {
    this.#options = options
  }

  async fetch(task: Task, { url, init }: { url: string; init: RequestInit }): Promise<Response> {
    const server = this.#options.serverOf(url)
    const what = calledIn(server.name, { url, init })
    if (isDead(task) || this.#dies(task, 'sends', what)) return never()
    let isOver = false
    watch(init.signal, this.#options.timeline, () => isOver)
    const answered = new Promise<Reply>((resolve, reject) => {
      init.signal?.addEventListener('abort', () => reject(init.signal?.reason))
      this.#send(task, server, { url, init, what, resolve, reject })
    })
    const settled = await answered.catch((failure: unknown) => ({ failure }))
    isOver = true
    if (isDead(task) || this.#dies(task, 'hears', what)) return never()
    if ('failure' in settled) throw settled.failure
    return responseOf(settled)
  }

  #send(task: Task, server: Server, call: Sent): void {
    const { timeline, weather } = this.#options
    const { random } = task
    const { resolve, reject } = call
    const strikes = (how: string) =>
      weather.strikes(`${server.name}: ${how}` as Site, random, call.what)
    const word = server.name === 'redis' ? 'command' : 'call'
    const hop = () => random.between(1, 25)
    if (strikes(`${word} lost`)) {
      timeline.after(hop(), () => reject(broken()))
      return
    }
    const way = hop() + (strikes(`${word} delayed`) ? random.between(200, 20_000) : 0)
    timeline.after(way, async () => {
      const reply = server.isDown() ? undefined : await this.#arrive(task, server, call)
      if (!reply) return timeline.after(hop(), () => reject(broken()))
      if (!strikes('answer lost')) return timeline.after(hop(), () => resolve(reply))
      if (random.chance(0.5)) timeline.after(hop(), () => reject(broken()))
    })
  }

  /** A call at its server: refused, or answered, now or once more later. */
  async #arrive(task: Task, server: Server, { url, init, what }: Sent): Promise<Reply> {
    const { timeline, weather } = this.#options
    const { random } = task
    const strikes = (how: string) => weather.strikes(`${server.name}: ${how}` as Site, random, what)
    if (strikes('message refused')) return { status: 503, body: '{}' }
    if (strikes('conflict of transactions')) {
      const code = random.pick(['40001', '40P01', '55P03'])
      return { status: 500, body: JSON.stringify({ code, message: code }) }
    }
    const reply = await server.answer(task, url, init)
    const isInstall = what === 'install'
    const isDoubled = strikes(server.name === 'redis' ? 'command doubled' : 'call doubled')
    if (isDoubled || (isInstall && strikes('install doubled'))) {
      task.notes.add('doubled')
      const again = () => (server.isDown() ? undefined : server.answer(task, url, init))
      timeline.after(random.between(1, 60_000), again)
    }
    return reply
  }

  #dies(task: Task, moment: 'sends' | 'hears', what: string): boolean {
    const { weather, kill } = this.#options
    const strikes = (who: 'request: abandoned' | 'isolate: dies') =>
      weather.strikes(`${who} before it ${moment}`, task.random, what)
    if (strikes('request: abandoned')) task.dead = true
    if (strikes('isolate: dies')) kill(task)
    return isDead(task)
  }
}

export const isDead = (task: Task): boolean => task.dead || task.isolate.dead
