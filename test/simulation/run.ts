import { answer, type State } from '../model/ledger.ts'
import type { Step } from '../support/ledger-replay.ts'
import type { Ablation } from './ablation.ts'
import { Agents } from './agents.ts'
import { Client } from './client.ts'
import { SimulatedDatabase } from './database.ts'
import { type Asked, Edge, REGIONS } from './edge.ts'
import { Happenings } from './happenings.ts'
import { Network, type Server } from './network.ts'
import { bringIn, shards } from './parties.ts'
import { type Task, takeOver } from './platform.ts'
import { Providers } from './providers.ts'
import { type Callback, SIGNING_KEY, SimulatedQstash } from './qstash.ts'
import { Random } from './random.ts'
import { SimulatedRedis } from './redis.ts'
import { judgeRest } from './rest.ts'
import type { Story } from './story.ts'
import { Timeline } from './timeline.ts'
import { Weather } from './weather.ts'
import { Witness } from './witness.ts'

export type Outcome = {
  violations: string[]
  reached: Map<string, number>
  injected: Map<string, number>
  /** All that was asked of the ledger, and what it said. */
  steps: Step[]
  answers: unknown[]
  ledger: State
  /** The same for two runs of one story, or it is not a simulation. */
  trace: string
}

const MINUTE = 60_000

/** Where the edges are, each with a region of its own half. */
const CONTINENTS = ['SA', 'EU', 'SA', 'EU'] as const

/** How far a clock is off at most, by kind of world: any two of them differ by 30 s at most. */
const APART = [4_000, 4_000, 4_000, 14_000] as const
const FAR_MS = 15_000

const isFarApart = ({ ledger, edges }: { ledger: number; edges: number[] }): boolean => {
  const all = [ledger, ...edges]
  return Math.max(...all) - Math.min(...all) > FAR_MS
}
const asIs: Ablation = {}

/** Lives a story to its end and on until everything is at rest; says what broke. */
export async function live(story: Story, ablation: Ablation = asIs): Promise<Outcome> {
  const world = new World(story, ablation)
  const giveBack = takeOver({
    timeline: world.timeline,
    seed: BigInt(story.seed),
    fetch: (task, request) => world.network.fetch(task, request),
  })
  const { log, error } = console
  console.log = () => undefined
  console.error = () => undefined
  try {
    return await world.live()
  } finally {
    giveBack()
    Object.assign(console, { log, error })
  }
}

class World {
  readonly timeline: Timeline
  readonly weather: Weather
  readonly witness: Witness
  readonly network: Network
  readonly #story: Story
  readonly #random: Random
  readonly #database: SimulatedDatabase
  readonly #redis: SimulatedRedis[]
  readonly #qstash: SimulatedQstash
  readonly #edges: Edge[]
  readonly #agents: Agents
  readonly #providers: Providers
  readonly #happenings: Happenings
  /** The task whose command a Redis runs at this moment. */
  #asking: Task | undefined

  constructor(story: Story, ablation: Ablation) {
    const seed = BigInt(story.seed)
    this.#story = story
    this.#random = Random.of(seed, 'world')
    this.timeline = new Timeline(story.startsAt)
    this.weather = new Weather(seed, story.odds)
    const apart = this.#random.pick(APART)
    const skew = () => this.#random.between(-apart, apart)
    const clocks = { ledger: skew(), edges: CONTINENTS.map(skew) }
    if (isFarApart(clocks)) this.weather.note('world: clocks far apart')
    const [least, most] = [Math.min(...clocks.edges), Math.max(...clocks.edges)]
    this.witness = new Witness(this.timeline, { ledger: clocks.ledger, edges: most - least })
    const { timeline, weather, witness } = this
    this.#database = new SimulatedDatabase({
      timeline,
      skewMs: clocks.ledger,
      ask: ablation.ask ?? ((ledger, call) => answer(ledger, call)),
      met: (what) => witness.meet(what),
      batch: (task, records) => witness.drains.sent(task, records),
      heard: (told) => witness.ledgerSaid(this.#database.ledger, told),
    })
    this.#redis = REGIONS.map(
      (region) =>
        new SimulatedRedis(timeline, {
          rewrite: ablation.script ?? ((script) => script),
          said: (words, reply) => witness.scriptSaid(region, { words, reply, task: this.#asking }),
        }),
    )
    this.#qstash = new SimulatedQstash({ timeline, weather, deliver: (it) => this.#deliver(it) })
    const kill = (task: Task) => {
      task.isolate.dead = true
    }
    this.network = new Network({ timeline, weather, kill, serverOf: (url) => this.#serverOf(url) })
    const options = {
      timeline,
      signingKey: SIGNING_KEY,
      ...{ begun: witness.begun, ended: witness.ended },
    }
    this.#edges = CONTINENTS.map(
      (continent, at) =>
        new Edge(
          { continent, skewMs: clocks.edges[at] ?? 0 },
          { ...options, adapt: ablation.deps ?? ((deps) => deps) },
        ),
    )
    const ledger = this.#database.ledger
    const place = { timeline, weather, witness, seed, ledger, edges: this.#edges }
    const client = new Client(place)
    this.#providers = new Providers(place, client)
    this.#agents = new Agents(place, client, this.#providers)
    this.#happenings = new Happenings({
      ...{ timeline, weather, witness, seed, random: this.#random },
      ...{
        database: this.#database,
        redis: this.#redis,
        agents: this.#agents,
        providers: this.#providers,
      },
    })
  }

  async live(): Promise<Outcome> {
    const { timeline, witness } = this
    const operate = (name: string, args: Record<string, unknown>) => this.#database.call(name, args)
    bringIn(operate, this.#story.funds)
    for (const action of this.#story.actions) {
      timeline.after(action.at, () => this.#happenings.act(action))
    }
    this.#everyMinute()
    const { startsAt, endsAt } = this.#story
    const isBroken = () => witness.violations.length > 0
    await timeline.runUntil(startsAt + endsAt, isBroken)

    this.#happenings.calm()
    const end = startsAt + endsAt + 16 * MINUTE
    await timeline.runUntil(end, () => isBroken() || this.#isAtRest())
    if (!isBroken()) this.#judgeRest()
    return this.#outcome()
  }

  #outcome(): Outcome {
    const { steps, answers, ledger } = this.#database
    const { violations, reached } = this.witness
    const { injected } = this.weather
    const trace = [...reached, ...injected].map(([what, count]) => `${what} ${count}`).join('; ')
    return {
      violations,
      reached,
      injected,
      steps,
      answers,
      ledger,
      trace: `${steps.length}; ${trace}`,
    }
  }

  /** Whether all that is still to come is the next minute's duties, which find nothing to do. */
  #isAtRest(): boolean {
    if (this.timeline.waiting > 1) return false
    const leases = [...this.#database.ledger.leases.values()]
    return leases.every(({ state }) => state === 'reclaimed') && this.#undrained === 0
  }

  get #undrained(): number {
    return this.#redis.reduce(
      (sum, redis, at) => sum + redis.waiting('test', REGIONS[at] ?? '', shards),
      0,
    )
  }

  #judgeRest(): void {
    const { accepted } = this.#providers
    const { declined, abandoned } = this.#agents
    const waiting = this.#undrained
    const { ledger } = this.#database
    judgeRest({ ledger, witness: this.witness, waiting, accepted, declined, abandoned })
  }

  #serverOf(url: string): Server {
    const [, , hostname = ''] = url.split('/')
    const isDown = (name: string) => () => this.#happenings.isDown(name)
    if (hostname === 'database.sim') {
      const answer: Server['answer'] = (task, to, init) => this.#database.answer(task, to, init)
      return { name: 'database', isDown: isDown('database'), answer }
    }
    if (hostname === 'qstash.sim') {
      const answer: Server['answer'] = (task, _, init) => this.#qstash.answer(init, task.random)
      return { name: 'qstash', isDown: isDown('qstash'), answer }
    }
    const region = hostname.startsWith('lima') ? 0 : 1
    const answer: Server['answer'] = (task, to, init) => this.#askRedis(region, { task, to, init })
    return { name: 'redis', isDown: isDown(`redis ${region}`), answer }
  }

  #askRedis(region: number, { task, to, init }: { task: Task; to: string; init: RequestInit }) {
    const side = this.#edges.findIndex((edge) => edge.isHome(task.isolate)) < 2 ? 0 : 1
    this.#asking = task
    const redis = this.#redis[region]
    if (!redis) throw new Error('no such region')
    return redis.answer(to, init, side)
  }

  async #deliver({ path, body, signature }: Callback): Promise<boolean> {
    const headers = { 'upstash-signature': signature, 'content-type': 'application/json' }
    const asked: Asked = { method: 'POST', path, headers, body }
    const edge = this.#edges[this.#random.below(this.#edges.length)]
    const answered = await edge?.ask(asked, edge.task(path, this.#random))
    if (answered?.status === 200) this.witness.meet('a wake that drained')
    return answered !== undefined && answered.status < 300
  }

  #everyMinute(): void {
    const { timeline } = this
    const edge = this.#edges[this.#random.below(this.#edges.length)]
    if (!this.#happenings.isDown('edge cron')) void edge?.minute(this.#random)
    timeline.after(MINUTE, () => this.#everyMinute())
  }
}
