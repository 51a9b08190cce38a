import type { Claims, Use } from './first-use.ts'

/** What is used of the binding of a Durable Object class. */
export type ClaimsNamespace = {
  idFromName(name: string): unknown
  get(id: never): {
    fetch(url: string, init: { method: string; body: string }): Promise<AnswerLike>
  }
}

type AnswerLike = { ok: boolean; status: number; json(): Promise<unknown> }

/** What is used of a Durable Object's state. */
export type ClaimsState = {
  storage: {
    get(key: string): Promise<unknown>
    put(key: string, value: string): Promise<void>
    setAlarm(ms: number): Promise<void>
    deleteAll(): Promise<void>
  }
}

type Order = { action: 'claim' | 'release'; attemptId: string; until: number }

const HOLDER = 'attemptId'

/**
 * Claims in Durable Objects, one for each payment, that all isolates share: `binding` is that of
 * {@link ClaimsObject}. They need no backend beside the Worker, and forget by themselves.
 */
export function durableObjectClaims(binding: ClaimsNamespace): Claims {
  const ask = async (action: Order['action'], { paymentId, attemptId, until }: Use) => {
    const order: Order = { action, attemptId, until }
    const object = binding.get(binding.idFromName(paymentId) as never)
    const init = { method: 'POST', body: JSON.stringify(order) }
    const answer = await object.fetch('https://claims.internal/', init)
    if (!answer.ok) throw new Error(`the claims object answered ${answer.status}`)
    return (await answer.json()) === true
  }
  return {
    shared: true,
    claim: async (use) => ((await ask('claim', use)) ? undefined : 'proof_already_used'),
    async release(use) {
      await ask('release', use)
    },
  }
}

/**
 * The Durable Object class that remembers the first use of one payment: export it from your Worker
 * and bind it. Whoever claims first holds it; only that attempt gives it back.
 */
export class ClaimsObject {
  readonly #storage: ClaimsState['storage']

  constructor(state: ClaimsState) {
    this.#storage = state.storage
  }

  /** Nothing else runs in the object between its reading and its writing. */
  async fetch(request: Request): Promise<Response> {
    const { action, attemptId, until }: Order = JSON.parse(await request.text())
    const holder = await this.#storage.get(HOLDER)
    if (action === 'release') {
      if (holder === attemptId) await this.#storage.deleteAll()
      return Response.json(true)
    }
    if (holder !== undefined) return Response.json(holder === attemptId)
    // Both are written at once, or neither: no claim stays for ever.
    await Promise.all([
      this.#storage.put(HOLDER, attemptId),
      this.#storage.setAlarm(Math.ceil(until * 1000)),
    ])
    return Response.json(true)
  }

  /** The proof of the payment is over. */
  async alarm(): Promise<void> {
    await this.#storage.deleteAll()
  }
}
