import { createApp } from '../../functions/app.ts'
import { type Config, readConfig } from '../../functions/config.ts'
import { createDeps, type Deps } from '../../functions/deps.ts'
import { everyMinute } from '../../functions/minute.ts'
import { requestOf } from './http.ts'
import { isDead } from './network.ts'
import { type Isolate, type Task, within } from './platform.ts'
import type { Random } from './random.ts'
import type { Timeline } from './timeline.ts'

const ISSUER = 'https://edge.sim'
export const REGIONS = ['lima', 'oslo'] as const

/** A key that signs proofs, the same in each run: what is proved here is not its strength. */
const PROOF_KEY = {
  kid: 'k'.repeat(43),
  x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
  d: 'nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A',
  publishAt: 0,
  activeAt: 0,
}

const plenty = { limit: async () => ({ success: true }) }
const secret = 'a secret of the simulation'

const environment = (signingKey: string) => ({
  ENVIRONMENT: 'test',
  ISSUER,
  SUPABASE_URL: 'https://database.sim',
  SUPABASE_PUBLISHABLE_KEY: 'publishable',
  EDGE_DATABASE_TOKEN: secret,
  DRAIN_DATABASE_TOKEN: secret,
  UPSTASH_REDIS_REST_URL: 'https://lima.redis.sim',
  UPSTASH_REDIS_REST_TOKEN: 'sim',
  LEASE_REGIONS: JSON.stringify([
    { region: 'lima', url: 'https://lima.redis.sim', token: 'sim', continents: ['SA'] },
    { region: 'oslo', url: 'https://oslo.redis.sim', token: 'sim', continents: ['*'] },
  ]),
  PROOF_KEYS: JSON.stringify([PROOF_KEY]),
  QSTASH_URL: 'https://qstash.sim',
  QSTASH_TOKEN: secret,
  QSTASH_CURRENT_SIGNING_KEY: signingKey,
  QSTASH_NEXT_SIGNING_KEY: signingKey,
  METRICS_TOKEN: secret,
  UNKNOWN_KEYS: plenty,
  PER_KEY: plenty,
})

/** Read once: every isolate of every run is told the same. */
let config: Config | undefined

export type Asked = { method: string; path: string; headers: Record<string, string>; body?: string }
export type Answered = { status: number; body: Record<string, unknown> }

type Options = {
  timeline: Timeline
  signingKey: string
  /** The parts of an isolate, as they are or with a guard taken out. */
  adapt: (deps: Deps) => Deps
  begun: (task: Task) => void
  ended: (task: Task) => void
}

/** A place where isolates run the Worker, one after the other: when one dies the next begins cold. */
export class Edge {
  readonly continent: string
  readonly #isolates = new WeakSet<Isolate>()
  #isolate: Isolate
  #deps: Deps | undefined
  #app: ReturnType<typeof createApp> | undefined
  readonly #options: Options
  readonly #skewMs: number

  constructor(place: { continent: string; skewMs: number }, options: Options) {
    this.continent = place.continent
    this.#skewMs = place.skewMs
    this.#options = options
    this.#isolate = this.#begin()
  }

  isHome(isolate: Isolate): boolean {
    return this.#isolates.has(isolate)
  }

  /** A request, in the words of HTTP; nothing when the isolate or the request died on the way. */
  async ask(asked: Asked, task: Task): Promise<Answered | undefined> {
    return this.#live(task, async () => {
      const { headers, body } = asked
      const length = body === undefined ? {} : { 'content-length': String(body.length) }
      const request = requestOf(ISSUER + asked.path, {
        ...asked,
        headers: { ...headers, ...length },
      })
      Object.assign(request, { cf: { continent: this.continent } })
      const context = { waitUntil: () => undefined, passThroughOnException: () => undefined }
      this.#app ??= createApp(this.#parts())
      const response = await this.#app.fetch(request, {}, context as never)
      const text = await response.text()
      return { status: response.status, body: text === '' ? {} : JSON.parse(text) }
    })
  }

  /** The duties of each minute. */
  async minute(random: Random): Promise<void> {
    await this.#live(this.task('each minute', random), () =>
      everyMinute(this.#parts()).catch(() => undefined),
    )
  }

  /** Something that begins now in the isolate that is alive here. */
  task(name: string, random: Random): Task {
    if (this.#isolate.dead) this.#isolate = this.#begin()
    return { isolate: this.#isolate, random, dead: false, begunAt: 0, name, notes: new Set() }
  }

  async #live<Value>(task: Task, work: () => Promise<Value>): Promise<Value | undefined> {
    const { begun, ended } = this.#options
    begun(task)
    const value = await within(task, work)
    if (isDead(task)) return undefined
    ended(task)
    return value
  }

  #parts(): Deps {
    config ??= readConfig(environment(this.#options.signingKey))
    this.#deps ??= this.#options.adapt(createDeps(config))
    return this.#deps
  }

  #begin(): Isolate {
    this.#deps = undefined
    this.#app = undefined
    const isolate = { skewMs: this.#skewMs, dead: false }
    this.#isolates.add(isolate)
    return isolate
  }
}
