import { MovableClock } from '../../local/clock.ts'
import type { Backend } from '../../local/stand-ins/redis/backend.ts'
import { replyOf, runCommand } from '../../local/stand-ins/redis/command.ts'
import { commands } from '../../local/stand-ins/redis/commands/all.ts'
import { HttpFace } from '../../local/stand-ins/redis/http.ts'
import { LuaMachine } from '../../local/stand-ins/redis/lua/machine.ts'
import type { Reply } from '../../local/stand-ins/redis/reply.ts'
import { Scripts } from '../../local/stand-ins/redis/scripts.ts'
import { Store } from '../../local/stand-ins/redis/store.ts'
import type { Random } from './random.ts'
import type { Timeline } from './timeline.ts'

/** One true Lua for every Redis of this process: it keeps nothing but compiled scripts. */
const lua = await LuaMachine.start()

class VirtualClock extends MovableClock {
  readonly #timeline: Timeline
  constructor(timeline: Timeline) {
    super()
    this.#timeline = timeline
  }
  override now(): number {
    return this.#timeline.now
  }
}

type Watch = {
  /** The script as it is run instead of the one that was sent. */
  rewrite: (script: string) => string
  said: (words: readonly string[], reply: Reply) => void
}

/** A region's Redis: the stand-in's commands and Lua, on virtual time, with a past to fall back to. */
export class SimulatedRedis {
  readonly #store: Store
  readonly #scripts: Scripts
  readonly #face: HttpFace
  /** While its history is split: the side being shown, and the other one as it was left. */
  #split: { shown: number; other: string } | undefined
  /** The last commands that made a lease, to be delivered once more. */
  #last: { prepare: string[]; install: string[] } | undefined
  #prepare: string[] = []
  #memories: { at: number; id: string }[] = []
  readonly #timeline: Timeline

  constructor(timeline: Timeline, watch: Watch) {
    this.#timeline = timeline
    this.#store = new Store(new VirtualClock(timeline))
    this.#scripts = new Scripts(lua, commands)
    const unused = () => {
      throw new Error('not a part of the simulation')
    }
    const backend: Backend = {
      run: async ([name = '', ...rest]) => {
        const isScript = name.toUpperCase() === 'EVAL'
        const words = isScript
          ? [name, watch.rewrite(rest[0] ?? ''), ...rest.slice(1)]
          : [name, ...rest]
        const reply = this.command(words)
        if (rest[0]?.includes('local right = nonce')) this.#prepare = words
        if (rest[0]?.includes("'old_epoch'"))
          this.#last = { prepare: this.#prepare, install: words }
        if (isScript) watch.said(words, reply)
        return reply
      },
      transaction: unused,
      commandsInScripts: unused,
      reset: unused,
      snapshot: unused,
      restore: unused,
      stop: unused,
    }
    this.#face = new HttpFace(backend, 'sim')
  }

  command(words: string[]): Reply {
    const command = commands.get((words[0] ?? '').toUpperCase())
    if (!command) throw new Error(`no command ${words[0]}`)
    const context = { store: this.#store, scripts: this.#scripts }
    return replyOf(() => runCommand(context, command, words))
  }

  /** Answers a request as the side of the history that this caller sees. */
  async answer(
    url: string,
    init: RequestInit,
    side: number,
  ): Promise<{ status: number; body: string }> {
    this.#show(side)
    const given = Object.entries(init.headers as Record<string, string>)
    const headers = Object.fromEntries(given.map(([name, value]) => [name.toLowerCase(), value]))
    const request = { method: 'POST', url: new URL(url), rawTarget: '', headers }
    const said = await this.#face.handle({ ...request, body: Buffer.from(String(init.body)) })
    return { status: said.status, body: String(said.body ?? '') }
  }

  reset(): void {
    this.#split = undefined
    this.#store.clear()
    this.#scripts.flush()
  }

  /** The last such command arrives once more. */
  again(what: 'prepare' | 'install'): void {
    if (this.#last) this.command(this.#last[what])
  }

  remember(): void {
    this.#memories.push({ at: this.#timeline.now, id: this.#store.snapshot() })
    this.#memories = this.#memories.slice(-6)
  }

  /** Goes back to one of the last states that were remembered; whether there was one. */
  rollBack(steps: number): boolean {
    const memory = this.#memories.at(-1 - steps) ?? this.#memories.at(0)
    if (!memory) return false
    this.#split = undefined
    this.#store.restore(memory.id)
    return true
  }

  get isSplit(): boolean {
    return this.#split !== undefined
  }

  /** From now on two halves of the callers see two histories. */
  split(): void {
    this.#split ??= { shown: 0, other: this.#store.snapshot() }
  }

  /** One history goes on, and the other never was. */
  heal(winner: number): void {
    if (!this.#split) return
    this.#show(winner)
    this.#split = undefined
  }

  #show(side: number): void {
    if (!this.#split || this.#split.shown === side) return
    const { other } = this.#split
    this.#split = { shown: side, other: this.#store.snapshot() }
    this.#store.restore(other)
  }

  /** Payment ids in the streams of these shards, as one side of the history has them. */
  promised(environment: string, region: string, of: { shards: readonly number[]; side: number }) {
    this.#show(of.side)
    const ids = new Set<string>()
    for (const shard of of.shards) {
      const stream = `payos:${environment}:${region}:stream:${shard}`
      for (const entry of this.command(['XRANGE', stream, '-', '+']) as [string, string[]][]) {
        ids.add(entry[1][1]?.split('\n')[1] ?? '')
      }
    }
    return ids
  }

  waiting(environment: string, region: string, shards: readonly number[]): number {
    const streams = shards.map((shard) => `payos:${environment}:${region}:stream:${shard}`)
    return streams.reduce((sum, stream) => sum + Number(this.command(['XLEN', stream])), 0)
  }

  /** Forgets one of the requests it remembers, or all payments, as a store that is full would. */
  evict(region: string, kind: 'request' | 'payment', random: Random): void {
    const pattern = `payos:test:${region}:${kind}:*`
    const scan = ['SCAN', '0', 'MATCH', pattern, 'COUNT', '10000']
    const [, keys] = this.command(scan) as [string, string[]]
    const one = keys[random.below(keys.length)]
    const gone = kind === 'request' && one ? [one] : keys
    if (gone.length > 0) this.command(['DEL', ...gone])
  }
}
