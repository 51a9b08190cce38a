import { isActive, priceOf, wasValid } from '../model/prices.ts'
import type { Endpoint, State } from '../model/state.ts'
import type { Reserved } from './reserved.ts'
import type { Witness } from './witness.ts'

/** How old a quote may be that is promised by, and how long a price counts after its end. */
const QUOTE_MS = 60_000
const GRACE_MS = 60_000
const LEASE_MS = 60_000

/** Judges promises by what the ledger has of their endpoint and of who asked for them. */
export class TermsWatch {
  readonly #witness: Witness
  /** Since when endpoints take no payments, and agents have to sign. */
  readonly #inactive = new Map<string, number>()
  readonly #signing = new Map<string, number>()

  constructor(witness: Witness) {
    this.#witness = witness
  }

  /** After a call of the ledger. */
  note(ledger: State): void {
    const { now } = this.#witness
    for (const [id, endpoint] of ledger.endpoints) {
      if (isActive(ledger, endpoint)) this.#inactive.delete(id)
      else if (!this.#inactive.has(id)) this.#inactive.set(id, now)
    }
    for (const agent of ledger.signers.keys()) {
      if (!this.#signing.has(agent)) this.#signing.set(agent, now)
    }
  }

  /** A promise: of what its endpoint sells, at its price, to who may ask for it. */
  judge(ledger: State, made: Reserved): void {
    const endpoint = ledger.endpoints.get(made.endpointId)
    if (endpoint) this.#judgeOffer(ledger, made, endpoint)
    else this.#witness.blame('P3', `${made.paymentId} is for no endpoint`)
    this.#judgeCaller(ledger, made)
  }

  #judgeOffer(ledger: State, made: Reserved, endpoint: Endpoint): void {
    const { paymentId, endpointId, at } = made
    const hold = (invariant: string, holds: boolean, what: string) =>
      this.#witness.hold(invariant, holds, () => `${paymentId} was promised ${what}`)
    const until = (this.#inactive.get(endpointId) ?? at) + QUOTE_MS + this.#witness.clocks.edges
    hold('P4', at <= until, 'to an endpoint that takes no payments')
    hold('P3', made.providerId === endpoint.providerId, 'to another than its provider')
    const wallet = ledger.wallets.get(made.walletId)
    const currencies = new Set([made.currency, endpoint.currency, wallet?.currency])
    hold('P3', currencies.size === 1, 'in another currency')
    const isBelow = made.resource.startsWith(endpoint.url)
    hold('P3', made.method === endpoint.method && isBelow, 'for another resource')

    const now = at + this.#witness.clocks.ledger
    const price = priceOf(endpoint, made.priceVersion)?.amount
    const stands = wasValid(endpoint, made.priceVersion, { since: now - GRACE_MS, now })
    hold('P3', price === made.amount && stands, `at ${made.amount}, which is no price of it`)
  }

  #judgeCaller(ledger: State, made: Reserved): void {
    const { paymentId, at, keyHash, thumbprint } = made
    const agentId = ledger.wallets.get(made.walletId)?.agentId ?? ''
    const keys = [...ledger.agentKeys.values()]
    const isTheirs = keys.some((key) => key.hash === keyHash && key.holderId === agentId)
    const hold = (holds: boolean, what: string) =>
      this.#witness.hold('F4', holds, () => `${paymentId} was promised to ${what}`)
    hold(isTheirs, 'the key of a stranger')
    const signing = this.#signing.get(agentId)
    const mustSign = signing !== undefined && at > signing + LEASE_MS
    const isKnown = ledger.signers.get(agentId)?.has(thumbprint) === true
    hold(thumbprint === '' ? !mustSign : isKnown, 'one who did not sign')
  }
}
