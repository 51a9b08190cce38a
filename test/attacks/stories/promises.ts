import type { Answer } from '../../support/http.ts'
import type { Agent, Endpoint, World } from '../../support/world.ts'
import { wealthOf } from '../promises/borrower.ts'

export const LENDER_FUNDS = '30000'

/** What may keep a promise from being made; a promise that Redis was slow to tell of is in doubt. */
const declines = ['funds_in_lease', 'funds_insufficient', 'outcome_unknown']

/**
 * An agent that pays by promises, and a provider that presents each proof when it gets it.
 *
 * What becomes of leases is for Redis and the clock; what no fault may touch is judged here: the
 * wallet's money is all there, a request is one payment, and a proof that was presented is paid.
 */
export class Promises {
  readonly #world: World
  readonly #agent: Agent
  readonly #endpoint: Endpoint
  readonly #paid = new Map<string, string>()

  constructor(world: World, agent: Agent, endpoint: Endpoint) {
    this.#world = world
    this.#agent = agent
    this.#endpoint = endpoint
  }

  /** Asks for a payment, so many times at once over both edges, and presents what came of it. */
  async pay(request: number, times: number, isBroken: boolean): Promise<string[]> {
    const requestId = `promise-${request}`
    const answers = await Promise.all(
      Array.from({ length: times }, (_, edge) =>
        this.#world.pay(this.#agent, this.#endpoint, {
          ...{ requestId, edge: edge % 2 },
          body: { settlement: 'async' },
        }),
      ),
    )
    const seen: string[] = []
    for (const answer of answers) {
      seen.push(answer.status === 200 ? `promise ${answer.body.status}` : answer.body.code)
      await this.#note(requestId, answer, isBroken)
    }
    return seen
  }

  async #note(requestId: string, { status, body, text }: Answer, isBroken: boolean): Promise<void> {
    if (status !== 200) {
      const mayBe = declines.includes(body.code) || (isBroken && status >= 500)
      if (!mayBe) throw new Error(`a promise was answered ${status} ${text}`)
      return
    }
    const known = this.#paid.get(requestId) ?? body.paymentId
    if (known !== body.paymentId) throw new Error(`${requestId} was ${known}, is ${text}`)
    if (body.proof && (await this.#present(body.proof))) this.#paid.set(requestId, known)
  }

  /** Whether the provider was told that the proof is paid; a ledger that is away is asked again. */
  async #present(proof: string): Promise<boolean> {
    const presented = { proof, endpointId: this.#endpoint.id }
    const { apiKey: key } = this.#endpoint.provider
    for (let tries = 0; tries < 10; tries++) {
      const { status, body } = await this.#world.verify(presented, { key })
      if (status === 200 && !body.valid) throw new Error(`a proof given is ${body.reason}`)
      if (status === 200) return true
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    return false
  }

  /** What the ledger has that it must not, or lacks. */
  async faults(): Promise<string[]> {
    const { left, paid } = await wealthOf(this.#world, this.#agent)
    const stored = await this.#world.paymentsOf(this.#agent)
    const names = stored.map(({ request_id }) => request_id)
    const ids = new Set(stored.map(({ id }) => id))
    return [
      ...(left + paid === BigInt(LENDER_FUNDS) && left >= 0n ? [] : [`${left} left, ${paid} paid`]),
      ...names.filter((it, at) => names.indexOf(it) !== at).map((it) => `${it} is charged twice`),
      ...[...this.#paid].filter(([, id]) => !ids.has(id)).map(([it]) => `${it} was paid, is lost`),
    ]
  }
}
