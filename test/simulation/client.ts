import type { State } from '../model/ledger.ts'
import type { Answered, Asked, Edge } from './edge.ts'
import type { Task } from './platform.ts'
import type { Random } from './random.ts'
import type { Timeline } from './timeline.ts'
import type { Weather } from './weather.ts'
import type { Witness } from './witness.ts'

export type Place = {
  seed: bigint
  timeline: Timeline
  weather: Weather
  witness: Witness
  edges: Edge[]
  ledger: State
}

/** What came back, if anything did, and the task that answered. */
export type Heard = { answer: Answered | undefined; task: Task | undefined }

const PATIENCE_MS = 10_000

/** The way to an edge and back, on which a request or an answer may be lost or come twice. */
export class Client {
  readonly #place: Place
  /** What requests were about that came twice. */
  readonly doubled = new Set<string>()

  constructor(place: Place) {
    this.#place = place
  }

  sleep = (ms: number) => new Promise<void>((resolve) => this.#place.timeline.after(ms, resolve))

  ask(edge: number, asked: Asked & { about: string }, random: Random): Promise<Heard> {
    const { timeline, weather, edges } = this.#place
    return new Promise((resolve) => {
      timeline.after(PATIENCE_MS, () => resolve({ answer: undefined, task: undefined }))
      if (weather.strikes('agent: request lost', random)) return
      const at = edges[edge % edges.length]
      const send = async () => {
        const task = at?.task(asked.path, random)
        const answer = task && (await at?.ask(asked, task))
        this.#heardAtEdge(answer)
        if (!answer || weather.strikes('agent: answer lost', random)) return
        timeline.after(random.between(2, 40), () => resolve({ answer, task }))
      }
      timeline.after(random.between(2, 40), send)
      if (weather.strikes('agent: request doubled', random)) {
        this.doubled.add(asked.about)
        timeline.after(random.between(2, 8_000), send)
      }
    })
  }

  /** An answer as it leaves the edge: whatever it calls settled is committed. */
  #heardAtEdge(answer: Answered | undefined): void {
    const { witness, ledger } = this.#place
    const payment = (answer?.body['payment'] ?? answer?.body) as Record<string, unknown> | undefined
    if (answer?.status !== 200 || payment?.['status'] !== 'settled') return
    const id = String(payment['paymentId'])
    witness.hold('F3', ledger.payments.has(id), () => `${id} was called settled and is not`)
  }
}

export const headersOf = (key = '') => ({
  authorization: `Bearer ${key}`,
  'content-type': 'application/json',
})
