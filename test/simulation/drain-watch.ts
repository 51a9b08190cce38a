import type { Task } from './platform.ts'
import { readRecord } from './reserved.ts'
import type { Witness } from './witness.ts'

type Entry = [id: string, fields: string[]]

/** What a task read of a stream, and has asked of the ledger since. */
type Pass = {
  task: Task
  stream: string
  /** Each record by what it pays: one payment may be in two streams, and twice in one. */
  ids: string[]
  poison: number
  asked: Set<string>
}

const READS = "redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', ARGV[1])"

/** Watches what drains read, together and alone, and how much they ask of the ledger for it. */
export class DrainWatch {
  readonly #witness: Witness
  readonly #passes = new Set<Pass>()

  constructor(witness: Witness) {
    this.#witness = witness
  }

  /** What a script answered a task, which may be the one that reads a stream. */
  said(task: Task, words: readonly string[], reply: unknown): void {
    const [, script = '', , stream = ''] = words
    if (!script.includes(READS) || !Array.isArray(reply)) return
    const others = [...this.#passes].filter((it) => it.stream === stream)
    for (const pass of others) if (pass.task === task) this.#passes.delete(pass)
    const records = ((reply[1] ?? []) as Entry[]).map(([, [, text = '']]) => text)
    if (records.length === 0) return
    const isAnother = (it: Task) => it !== task && !it.dead && !it.isolate.dead
    if (others.some((pass) => isAnother(pass.task))) {
      this.#witness.meet('two drains in one shard at once')
    }
    const ids = records.map((text) => {
      const { paymentId, leaseId, amount } = readRecord(text, { region: '', at: 0 })
      return `${paymentId} ${leaseId} ${amount}`
    })
    const poison = records.filter((text) => text.includes('\npoison-')).length
    this.#passes.add({ task, stream, ids, poison, asked: new Set() })
  }

  /** A batch that a task has the ledger settle. The same one twice is one that was sent again. */
  sent(task: Task, body: string): void {
    const { records } = JSON.parse(body) as { records: Record<string, string>[] }
    const { payment_id: id, lease_id: lease, amount } = records[0] ?? {}
    const first = `${id} ${lease} ${amount}`
    const pass = [...this.#passes].find((it) => it.task === task && it.ids.includes(first))
    // What is delivered twice may be read in one pass and asked in another.
    if (!pass || task.notes.has('doubled')) return
    pass.asked.add(body)
    const { asked, ids, poison } = pass
    const each = 2 * Math.ceil(Math.log2(ids.length)) + 1
    const most = Math.max(1, poison) * each
    this.#witness.hold('V4', asked.size <= most, () => {
      return `${ids.length} records, ${poison} of them poison, took ${asked.size} calls`
    })
  }

  ended(task: Task): void {
    for (const pass of this.#passes) if (pass.task === task) this.#passes.delete(pass)
  }
}
